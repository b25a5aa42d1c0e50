// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import HTTPWire
internal import JSON
internal import OCIProfile
internal import Transport

/// The token of a session that `oci session authenticate` began, renewed for as long as the session lasts (a day).
///
/// A renewed token is written back to its file, as the CLI does: the next process of this daemon has nothing else to
/// begin with. And the file is looked at first, for the user may have renewed it.
@LoopActor
final class SessionTokens: TokenIssuer {
    /// A token has 1 to 2 KB.
    static let tokenBytesMax = 64 * 1024

    let tenancyID: String?
    private let path: String
    private let key: RSAKey
    private let exchange: SignedExchange

    /// Renews the token in the file at `path`, whose key is `key`.
    init(path: String, key: RSAKey, tenancyID: String, exchange: SignedExchange) {
        self.tenancyID = tenancyID
        self.path = path
        self.key = key
        self.exchange = exchange
    }

    func issue(replacing old: IssuedToken?, deadline: Deadline) async throws(OCIError) -> IssuedToken {
        let stored = try read()
        // Begin with what is there as long as it lives: its renewal may fail, and is tried at the next call.
        let usableUntil = old == nil ? stored.expiry : stored.renewal
        if stored.text != old?.text, (usableUntil ?? .max) > exchange.now { return stored }
        let token = try await refresh(old ?? stored, deadline)
        do throws(TransportError) {
            try replaceFile(path, with: Array(token.text.utf8))
        } catch {
            // The daemon can do without; only a new process would miss it.
        }
        return token
    }

    private func read() throws(OCIError) -> IssuedToken {
        let text = try credentialFile(path, byteCountMax: Self.tokenBytesMax, name: "security_token_file")
        return try IssuedToken(
            String(decoding: text, as: UTF8.self),
            key: key,
            now: exchange.now,
            source: "security_token_file \(path)"
        )
    }

    /// `POST /v1/authentication/refresh`, signed with the token itself (OCI CLI, `oci session refresh`).
    private func refresh(_ old: IssuedToken, _ deadline: Deadline) async throws(OCIError) -> IssuedToken {
        var request = ServiceRequest(
            .refreshSessionToken,
            "POST",
            "/v1/authentication/refresh",
            scope: "the tenancy"
        )
        request.body = .json(.strings([("currentToken", old.text)]))
        do throws(OCIError) {
            return try await exchange.fetchToken(
                request,
                identity: old.identity,
                key: key,
                deadline: deadline
            )
        } catch  where error.kind == .notAuthenticated {
            throw .authentication(
                .refused(
                    "the session token in \(path) has expired or was revoked: run `oci session authenticate`"
                )
            )
        }
    }
}
