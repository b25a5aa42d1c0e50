// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import JSON
internal import OCIProfile
internal import Transport

/// The token that OCI hands to a container, function or the like (resource principal version 2.2).
///
/// Where variables name files, the platform renews them, token and key together, and reading both again is all there
/// is to do. A reader that comes between the two writes gets a pair that does not fit; the service refuses it, and
/// the next reading gets the other half.
@LoopActor
final class ResourcePrincipalTokens: TokenIssuer {
    private(set) var tenancyID: String?
    private let principal: ResourcePrincipal
    private let now: @LoopActor @Sendable () -> Int

    /// Tokens of `principal`; `now` is the services' time in seconds since 1970.
    init(_ principal: ResourcePrincipal, now: @escaping @LoopActor @Sendable () -> Int) {
        self.principal = principal
        self.now = now
    }

    func issue(replacing old: IssuedToken?, deadline: Deadline) async throws(OCIError) -> IssuedToken {
        try read()
    }

    private func read() throws(OCIError) -> IssuedToken {
        let token = try text(of: principal.token, "OCI_RESOURCE_PRINCIPAL_RPST")
        var pem = try text(of: principal.privateKey, "OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM")
        defer { cleanse(&pem) }
        var passphrase = try principal.passphrase.map { source throws(OCIError) in
            try text(of: source, "OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM_PASSPHRASE")
        }
        if case .file? = principal.passphrase, passphrase?.last == UInt8(ascii: "\n") {
            passphrase?.removeLast()
        }
        let key = try ProfileCredentials.privateKey(
            pem,
            passphrase,
            source: "OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM"
        )
        let issued = try IssuedToken(
            String(decoding: token, as: UTF8.self),
            key: key,
            now: now(),
            source: "OCI_RESOURCE_PRINCIPAL_RPST"
        )
        tenancyID = (try? issued.claims?.stringIfPresent("res_tenant")) ?? tenancyID
        return issued
    }

    private func text(of source: ResourcePrincipal.Source, _ name: String) throws(OCIError) -> [UInt8] {
        switch source {
        case .value(let text): Array(text.utf8)
        case .file(let path): try credentialFile(path, byteCountMax: SessionTokens.tokenBytesMax, name: name)
        }
    }
}
