// SPDX-License-Identifier: Apache-2.0

package import Configuration
package import EventLoop
internal import HTTPClient
package import Logging
package import OCIServices
internal import Transport

/// From the settings to something that can call OCI: identity, trust, endpoints.
@LoopActor
package enum OCIAccess {
    /// Opens the cloud as the settings say; what happens to calls goes to `reports`, and what is doubtful about the
    /// credentials to the log.
    package static func access(
        for settings: Settings,
        _ reports: CallReports,
        log: Logger
    ) async throws(OCIError) -> CloudAccess {
        let access = try await open(for: settings) { reports.note($0) }
        for warning in access.warnings { log.warning("\(warning)") }
        return access
    }

    /// Opens the cloud as the settings say, in their region or another.
    package static func open(
        for settings: Settings,
        region: String? = nil,
        notify: @escaping @LoopActor @Sendable (ServiceNotice) -> Void
    ) async throws(OCIError) -> CloudAccess {
        let environment = environmentVariables()
        let client = HTTPClient(
            connector: StreamConnector(try trust(settings), proxies: try proxies(environment)),
            connectionsPerHostMax: CloudAccessOptions.connectionsPerHostAtFirst,
            connectionsPerHostLimit: CloudAccessOptions.connectionsPerHostLimit
        )
        var options = options(settings)
        if let region { options.region = region }
        return try await CloudAccess.open(
            options,
            client: client,
            environment: environment,
            home: ProcessIdentity.homeDirectory ?? "/",
            notify: notify
        )
    }

    /// What the settings say of identity, region and pace.
    static func options(_ settings: Settings) -> CloudAccessOptions {
        var options = CloudAccessOptions(userAgent: "scaler-oci-hpc")
        switch settings.authType {
        case .configFile: options.principal = .configFile
        case .securityToken: options.principal = .securityToken
        case .instancePrincipal: options.principal = .instancePrincipal
        case .resourcePrincipal: options.principal = .resourcePrincipal
        }
        // The default gives way to the CLI's variable, as a profile that was asked for does not.
        options.profileName = settings.profile == "DEFAULT" ? nil : settings.profile
        options.region = region(settings)
        options.endpoint = settings.ociEndpoint
        options.requestsPerSecondMax = settings.maxRequestsPerSecond
        return options
    }

    /// The region to call; nil for that of the principal.
    ///
    /// With a profile the setting's default goes over the profile's region, as in the Python manager. Instances and
    /// resources know better where they are.
    private static func region(_ settings: Settings) -> String? {
        switch settings.authType {
        case .configFile, .securityToken: settings.region
        case .instancePrincipal, .resourcePrincipal:
            settings.origins["oci-region"] == nil ? nil : settings.region
        }
    }

    private static func proxies(_ environment: [String: String]) throws(OCIError) -> ProxySettings {
        do throws(HTTPError) {
            return try ProxySettings(environment: environment)
        } catch {
            throw .authentication(.configuration("\(error)"))
        }
    }

    private static func trust(_ settings: Settings) throws(OCIError) -> TLSContext {
        do throws(TransportError) {
            return try TLSContext(settings.caBundle.map { .certificates(path: $0) } ?? .systemRoots)
        } catch {
            let source = settings.caBundle.map { "--ca-bundle \($0): " } ?? ""
            throw .authentication(.configuration("\(source)\(error)"))
        }
    }
}
