// SPDX-License-Identifier: Apache-2.0

package import EventLoop
package import HTTPClient
package import OCIProfile
internal import OCISigning
internal import Transport

/// As whom the cloud is called.
package enum Principal: String, Sendable, CaseIterable {
    /// A user, by the API key (or else the session token) of a profile of `~/.oci/config`.
    case configFile = "config_file"
    /// A user, by the session token of a profile.
    case securityToken = "security_token"
    /// The compute instance that we run on.
    case instancePrincipal = "instance_principal"
    /// The container, function or other resource that we run in.
    case resourcePrincipal = "resource_principal"
}

/// How the cloud is called: as whom, where, and how fast.
package struct CloudAccessOptions: Sendable {
    /// As many creates as the rate of requests lets through at once, and some calls beside them.
    package static let connectionsPerHostAtFirst = 24
    /// More connections to one host than this are of no use.
    package static let connectionsPerHostLimit = 64

    /// As whom.
    package var principal = Principal.configFile
    /// The profile of the configuration file; the CLI's `OCI_CLI_PROFILE`, else `DEFAULT`, if nil.
    package var profileName: String?
    /// The configuration file; found as the SDKs find it if nil.
    package var configFile: String?
    /// The region; that of the principal if nil.
    package var region: String?
    /// One base URL for every service, instead of those of the region.
    package var endpoint: String?
    /// The most requests a second, for the reads and for the writes of each service.
    package var requestsPerSecondMax = 200.0
    /// What requests say of who sends them.
    package var userAgent: String

    /// Options that find everything where the SDKs find it.
    package init(userAgent: String) { self.userAgent = userAgent }
}

/// Everything that clients of services need, made from options and environment.
@LoopActor
package struct CloudAccess {
    /// How long the metadata service may take to name the region.
    private static let metadataTimeout: Duration = .seconds(30)

    /// Makes the calls.
    package let calls: ServiceCalls
    /// The region, from the options or the principal.
    package let region: Region
    /// What the user should know, one line each; nothing that keeps the daemon from working.
    package let warnings: [String]
    private let credentials: any CredentialSource

    /// The OCID of the tenancy, once known: for token principals after their first call.
    package var tenancyID: String? { credentials.tenancyID }

    /// The OCID of the user whose API key signs; nil for every other principal.
    package func userID(deadline: Deadline) async throws(OCIError) -> String? {
        // The name of an API key is tenancy, user and fingerprint; a token holds no slash.
        let parts = try await credentials.current(deadline: deadline).keyID.text.split(separator: "/")
        return parts.count == 3 ? String(parts[1]) : nil
    }

    /// Reads files and loads keys; sends nothing, unless the metadata service has to be asked for the region.
    package static func open(
        _ options: CloudAccessOptions,
        client: HTTPClient,
        environment: [String: String],
        home: String,
        notify: @escaping @LoopActor @Sendable (ServiceNotice) -> Void
    ) async throws(OCIError) -> CloudAccess {
        let source = try PrincipalSource(options, client: client, environment: environment, home: home)
        let name =
            if let asked = options.region { asked } else {
                try await source.region(deadline: .after(metadataTimeout))
            }
        let region = RegionSources.resolve(name, environment: environment, home: home)
        let exchange = SignedExchange(
            client: client,
            endpoints: try endpoints(options, region),
            userAgent: options.userAgent
        )
        let credentials = try source.credentials(exchange)
        let calls = ServiceCalls(
            exchange: exchange,
            credentials: credentials,
            requestsPerSecondMax: options.requestsPerSecondMax,
            notify: notify
        )
        return CloudAccess(calls: calls, region: region, warnings: source.warnings, credentials: credentials)
    }

    private static func endpoints(
        _ options: CloudAccessOptions,
        _ region: Region
    ) throws(OCIError) -> Endpoints {
        guard let text = options.endpoint else { return Endpoints.region(region) }
        guard let endpoints = Endpoints(baseURL: text) else {
            throw .configuration("--oci-endpoint \(text) is no URL of the form https://host[:port]")
        }
        return endpoints
    }
}
