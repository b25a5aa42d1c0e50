// SPDX-License-Identifier: Apache-2.0

package import EventLoop
package import HTTPClient
package import OCIProfile
internal import Transport

/// How to get at the cloud: as whom, where, and how fast.
package struct CloudAccessOptions: Sendable {
    /// The profile of the configuration file; the CLI's `OCI_CLI_PROFILE`, else `DEFAULT`, if nil.
    package var profileName: String?
    /// The configuration file; found as the SDKs find it if nil.
    package var configFile: String?
    /// The region; that of the profile if nil.
    package var region: String?
    /// One base URL for every service, instead of those of the region.
    package var endpoint: String?
    /// Requests a second, for the reads and for the writes of each service.
    package var requestsPerSecondMax = 20.0
    /// What requests say of who sends them.
    package var userAgent: String

    /// Options that find everything where the SDKs find it.
    package init(userAgent: String) {
        self.userAgent = userAgent
    }
}

/// Everything that clients of services need, made from options and surroundings.
@LoopActor
package final class CloudAccess {
    /// Makes the calls.
    package let calls: ServiceCalls
    /// The region, from the options or the profile.
    package let region: Region
    /// The OCID of the tenancy, where the credentials tell it.
    package let tenancyID: String?
    /// What the user should know, one line each; nothing that keeps the daemon from working.
    package let warnings: [String]

    private init(calls: ServiceCalls, region: Region, tenancyID: String?, warnings: [String]) {
        self.calls = calls
        self.region = region
        self.tenancyID = tenancyID
        self.warnings = warnings
    }

    /// Reads files, loads keys, finds the region; sends nothing yet.
    package static func open(
        _ options: CloudAccessOptions,
        client: HTTPClient,
        environment: [String: String],
        home: String,
        notify: @escaping @LoopActor @Sendable (ServiceNotice) -> Void
    ) throws(OCIError) -> CloudAccess {
        let source = try ProfileSource.find(options, environment: environment, home: home)
        let region = RegionSources.resolve(
            options.region ?? source.profile.region,
            environment: environment,
            home: home
        )
        let exchange = SignedExchange(
            client: client,
            endpoints: try endpoints(options, region),
            userAgent: options.userAgent
        )
        let credentials = try source.credentials()
        let calls = ServiceCalls(
            exchange: exchange,
            credentials: credentials,
            requestsPerSecondMax: options.requestsPerSecondMax,
            notify: notify
        )
        return CloudAccess(
            calls: calls,
            region: region,
            tenancyID: credentials.tenancyID,
            warnings: source.warnings
        )
    }

    private static func endpoints(
        _ options: CloudAccessOptions,
        _ region: Region
    ) throws(OCIError) -> Endpoints {
        guard let text = options.endpoint else { return Endpoints(region: region) }
        guard let endpoints = Endpoints(baseURL: text) else {
            throw .authentication(
                .configuration("--oci-endpoint \(text) is no URL of the form https://host[:port]")
            )
        }
        return endpoints
    }
}
