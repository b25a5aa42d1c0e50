// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// Credentials that run out: renewed before they do, and when the service refuses them; one renewal at a time.
///
/// Token and key are one value here, so no call is signed with the key of one token and names another.
@LoopActor
final class RenewingCredentials: CredentialSource {
    /// How long a renewal may take, whoever waits for it.
    private static let renewalTimeout: Duration = .seconds(60)
    /// How long a renewal that failed, or brought a token that should be renewed at once, is not tried again by itself.
    private static let renewalPause: Duration = .seconds(30)

    private let issuer: any TokenIssuer
    private let now: @LoopActor @Sendable () -> Int
    private var token: IssuedToken?
    private var renewal: Renewal?
    private var earliestRenewal = Deadline.now

    /// Credentials from `issuer`; `now` is the services' time in seconds since 1970.
    init(_ issuer: any TokenIssuer, now: @escaping @LoopActor @Sendable () -> Int) {
        self.issuer = issuer
        self.now = now
    }

    var tenancyID: String? { issuer.tenancyID }

    func current(deadline: Deadline) async throws(OCIError) -> SigningIdentity {
        guard let token else { return try await renew(until: deadline).identity }
        guard let time = token.renewal, now() >= time, earliestRenewal.isPast else { return token.identity }
        do throws(OCIError) {
            return try await renew(until: deadline).identity
        } catch .cancelled {
            throw .cancelled
        } catch  where (token.expiry ?? .max) > now() {
            earliestRenewal = .after(Self.renewalPause)
            return token.identity
        }
    }

    func replace(rejected identity: SigningIdentity, deadline: Deadline) async throws(OCIError) -> Bool {
        if let token, token.identity.keyID != identity.keyID { return true }
        return try await renew(until: deadline).identity.keyID != identity.keyID
    }

    /// Joins the renewal under way or begins one.
    private func renew(until deadline: Deadline) async throws(OCIError) -> IssuedToken {
        let renewal = self.renewal ?? begin()
        do throws(WaitError) {
            try await renewal.end.wait(until: deadline)
        } catch .cancelled {
            throw .cancelled
        } catch {
            throw .unreachable("no token was issued in time")
        }
        guard let outcome = renewal.outcome else { preconditionFailure("a renewal ended without an outcome") }
        return try outcome.get()
    }

    /// Work of its own: a caller that is cancelled must not take the token away from the others.
    private func begin() -> Renewal {
        let renewal = Renewal()
        self.renewal = renewal
        spawn { [issuer, token] in
            do throws(OCIError) {
                let issued = try await issuer.issue(replacing: token, deadline: .after(Self.renewalTimeout))
                self.token = issued
                if let time = issued.renewal, time <= self.now() {
                    self.earliestRenewal = .after(Self.renewalPause)
                }
                renewal.outcome = .success(issued)
            } catch {
                renewal.outcome = .failure(error)
            }
            self.renewal = nil
            renewal.end.open()
        }
        return renewal
    }
}

@LoopActor
private final class Renewal {
    let end = Latch()
    var outcome: Result<IssuedToken, OCIError>?
}
