// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Glibc
import HTTPClient
import JSON
import TestSupport
import Testing
import Transport

@testable import OCIServices

/// Runs a test only where a local OCI can be started.
let needsLocalOCI: ConditionTrait = .enabled(
    if: LocalOCI.python != nil,
    "SCALER_TEST_PYTHON names a Python with aiohttp, cryptography and cloudpickle"
)

/// How far off the host's clock is.
@LoopActor
private final class HostClock {
    var errorSeconds = 0
}

/// The clients of a local OCI, as the daemon would have them.
@LoopActor
final class Services {
    let oci: LocalOCI
    let client: HTTPClient
    let calls: ServiceCalls
    let instances: ContainerInstances
    let objects: ObjectStorage
    let credentials: any CredentialSource

    /// Starts a local OCI with `arguments`, or takes the shared one, and makes clients whose host's clock is off by so many seconds.
    static func start(
        _ arguments: [String]? = nil,
        principal: Principal = .configFile,
        profile: String? = nil,
        clockError: Int = 0,
        answerTimeout: Duration = .seconds(30)
    ) async throws -> Services {
        let oci = try await arguments == nil ? LocalOCI.shared() : LocalOCI.start(arguments ?? [])
        var options = CloudAccessOptions(userAgent: "scaler-oci-hpc/test")
        options.principal = principal
        options.profileName = profile
        options.configFile = oci["OCI_CONFIG_FILE"]
        let services = try Services(oci, options, clockError, answerTimeout)
        services.isShared = arguments == nil
        return services
    }

    private init(
        _ oci: LocalOCI,
        _ options: CloudAccessOptions,
        _ clockError: Int,
        _ answerTimeout: Duration
    ) throws {
        self.oci = oci
        let clock = HostClock()
        clock.errorSeconds = clockError
        self.clock = clock
        let context = try TLSContext(.certificates(path: oci["OCI_CA_BUNDLE"]))
        client = HTTPClient(connector: StreamConnector(context, proxies: .direct))
        let exchange = SignedExchange(
            client: client,
            endpoints: try #require(Endpoints(baseURL: oci["OCI_ENDPOINT"])),
            userAgent: options.userAgent,
            answerTimeout: answerTimeout,
            hostTime: { Int(LoopClock.epochSeconds) + clock.errorSeconds }
        )
        let source = try PrincipalSource(
            options,
            client: client,
            environment: oci.environment,
            home: "/nonexistent"
        )
        credentials = try source.credentials(exchange)
        var retryPolicy = RetryPolicy()
        // Retries in tests need not be polite.
        retryPolicy.backoff = Backoff(initial: .milliseconds(10), limit: .milliseconds(100))
        let mailbox = Mailbox<ServiceNotice>()
        self.mailbox = mailbox
        calls = ServiceCalls(
            exchange: exchange,
            credentials: credentials,
            requestsPerSecondMax: 1000,
            retryPolicy: retryPolicy,
            random: SeededRandom(seed: 1),
            notify: { mailbox.send($0) }
        )
        instances = ContainerInstances(calls: calls, compartmentID: oci["OCI_COMPARTMENT_ID"])
        objects = ObjectStorage(
            calls: calls,
            namespace: oci["OCI_OBJECT_STORAGE_NAMESPACE"],
            bucket: oci["OCI_OBJECT_STORAGE_BUCKET"]
        )
    }

    private let clock: HostClock
    private var isShared = false
    private let mailbox: Mailbox<ServiceNotice>

    /// What was noticed since the last call.
    func takeNotices() -> [ServiceNotice] {
        var taken: [ServiceNotice] = []
        while let notice = mailbox.poll() { taken.append(notice) }
        return taken
    }

    /// Puts the host's clock forward.
    func advanceClock(bySeconds seconds: Int) {
        clock.errorSeconds += seconds
    }

    func stop() async throws {
        client.close()
        if !isShared { try await oci.stop() }
    }

    /// A launch that the local OCI accepts, without a task for the job runner.
    func launch(_ name: String) -> InstanceLaunch {
        var launch = InstanceLaunch(
            compartmentID: oci["OCI_COMPARTMENT_ID"],
            availabilityDomain: oci["OCI_AVAILABILITY_DOMAIN"],
            displayName: name,
            shape: "CI.Standard.E4.Flex",
            ocpus: 1,
            memoryGB: 6,
            subnetID: oci["OCI_SUBNET_ID"],
            imageURL: oci["OCI_CONTAINER_IMAGE"]
        )
        launch.environment = [("GREETING", "grüß\n\"Gott\"")]
        launch.freeformTags = [("scaler-owner", "test"), ("scaler-task", name)]
        return launch
    }
}

/// The error that `call` throws, or nil.
@LoopActor
func failure<Value>(of call: @LoopActor () async throws -> Value) async -> OCIError? {
    do {
        _ = try await call()
        return nil
    } catch {
        return error as? OCIError
    }
}

extension Services {
    /// What the local OCI reports of itself.
    func report() async throws -> JSONObject {
        let (origin, path) = try #require(HTTPOrigin.parse(oci["OCI_EMULATOR_URL"]))
        let response = try await client.request(
            HTTPRequest(method: "GET", target: path + "/report"),
            to: origin
        )
        return try JSONObject(reading: response.bytes)
    }

    /// How often the local OCI was asked for `operation`.
    func reportedCount(of operation: String) async throws -> Int {
        let requests = try await report().objectIfPresent("requests")
        return try requests?.objectIfPresent("by_operation")?.integerIfPresent(operation) ?? 0
    }
}
