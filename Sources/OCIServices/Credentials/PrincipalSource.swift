// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import HTTPClient
internal import OCIProfile

/// Where a principal's credentials and region come from.
@LoopActor
enum PrincipalSource {
    case profile(ProfileSource)
    case resource(ResourcePrincipal)
    case instance(InstanceMetadata)

    init(
        _ options: CloudAccessOptions,
        client: HTTPClient,
        environment: [String: String],
        home: String
    ) throws(OCIError) {
        switch options.principal {
        case .configFile, .securityToken:
            self = .profile(try .find(options, environment: environment, home: home))
        case .resourcePrincipal:
            do throws(OCIProfileError) {
                self = .resource(try ResourcePrincipal(environment: environment))
            } catch {
                throw .configuration("\(error)")
            }
        case .instancePrincipal:
            let baseURL = environment["OCI_METADATA_BASE_URL"]
            self = .instance(try InstanceMetadata(client: client, baseURL: baseURL))
        }
    }

    /// The principal's own region, an identifier or a short code.
    func region(deadline: Deadline) async throws(OCIError) -> String {
        switch self {
        case .profile(let source): source.profile.region
        case .resource(let principal): principal.region
        case .instance(let metadata): try await metadata.text("/instance/region", deadline: deadline)
        }
    }

    /// Credentials of the principal; those that need tokens fetch them through `exchange`.
    func credentials(_ exchange: SignedExchange) throws(OCIError) -> any CredentialSource {
        let issuer: any TokenIssuer
        switch self {
        case .profile(let source):
            switch source.profile.authentication {
            case .apiKey: return try source.apiKey()
            case .sessionToken(let path):
                // Told at once if it cannot be used.
                _ = try source.privateKey()
                issuer = SessionTokens(
                    path: path,
                    key: source.privateKey,
                    tenancyID: source.profile.tenancyID,
                    exchange: exchange
                )
            }
        case .resource(let principal): issuer = ResourcePrincipalTokens(principal) { exchange.now }
        case .instance(let metadata):
            issuer = InstancePrincipalTokens(metadata: metadata, exchange: exchange)
        }
        return RenewingCredentials(issuer) { exchange.now }
    }

    var warnings: [String] { if case .profile(let source) = self { source.warnings } else { [] } }
}
