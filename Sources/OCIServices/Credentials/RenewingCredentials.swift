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
    /// So many renewals in vain may follow each other at once: a key may be written a moment after its token.
    private static let vainCountMax = 3

    private let issuer: any TokenIssuer
    private let now: @LoopActor @Sendable () -> Int
    private var token: IssuedToken?
    private var renewal: Renewal?
    private var earliestRenewal = Deadline.now
    /// How many renewals in a row were in vain.
    ///
    /// Such a one failed, its token was due at once, or it was begun because the service had refused a token that lived. Each may
    /// cost a key, and they would follow each other as fast as the services answer.
    private var vainCount = 0
    /// When there may be another after those in vain.
    private var earliestAttempt = Deadline.now
    /// Why there is no token, if the last renewal failed.
    private var lastFailure: OCIError?

    /// Credentials from `issuer`; `now` is the services' time in seconds since 1970.
    init(_ issuer: any TokenIssuer, now: @escaping @LoopActor @Sendable () -> Int) {
        self.issuer = issuer
        self.now = now
    }

    var tenancyID: String? { issuer.tenancyID }

    var expiry: Int? { token?.expiry }

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
        return try await renew(until: deadline, isForced: true).identity.keyID != identity.keyID
    }

    /// Joins the renewal under way, or begins one unless too many were in vain: then there is what the last one brought.
    private func renew(until deadline: Deadline, isForced: Bool = false) async throws(OCIError) -> IssuedToken
    {
        if renewal == nil, !earliestAttempt.isPast {
            if let lastFailure { throw lastFailure }
            if isForced, let token { return token }
        }
        let renewal = self.renewal ?? begin(isForced: isForced)
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
    private func begin(isForced: Bool) -> Renewal {
        let renewal = Renewal()
        self.renewal = renewal
        spawn { [issuer, token] in
            do throws(OCIError) {
                let issued = try await issuer.issue(replacing: token, deadline: .after(Self.renewalTimeout))
                self.token = issued
                self.lastFailure = nil
                let isDue = issued.renewal.map { $0 <= self.now() } ?? false
                if isDue { self.earliestRenewal = .after(Self.renewalPause) }
                self.noteRenewal(isVain: isDue || isForced)
                renewal.outcome = .success(issued)
            } catch {
                self.lastFailure = error
                self.noteRenewal(isVain: true)
                renewal.outcome = .failure(error)
            }
            self.renewal = nil
            renewal.end.open()
        }
        return renewal
    }

    private func noteRenewal(isVain: Bool) {
        vainCount = isVain ? vainCount + 1 : 0
        if vainCount >= Self.vainCountMax { earliestAttempt = .after(Self.renewalPause) }
    }
}

@LoopActor
private final class Renewal {
    let end = Latch()
    var outcome: Result<IssuedToken, OCIError>?
}
