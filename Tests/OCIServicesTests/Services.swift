// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Glibc
import HTTPClient
import TestSupport
import Testing
import Transport

@testable import OCIServices

/// Runs a test only where a local OCI can be started.
let needsLocalOCI: ConditionTrait = .enabled(
    if: LocalOCI.python != nil,
    "SCALER_TEST_PYTHON names a Python with aiohttp, cryptography and cloudpickle"
)

/// The clients of a local OCI, as the daemon would have them.
@LoopActor
final class Services {
    let oci: LocalOCI
    let client: HTTPClient
    let calls: ServiceCalls
    let instances: ContainerInstances
    let objects: ObjectStorage

    /// Starts a local OCI with `arguments`, and clients whose host's clock is off by so many seconds.
    static func start(
        _ arguments: [String] = ["--fast"],
        clockError: Int = 0
    ) async throws -> Services {
        try Services(await LocalOCI.start(arguments), clockError: clockError)
    }

    private init(_ oci: LocalOCI, clockError: Int) throws {
        self.oci = oci
        let context = try TLSContext(.certificates(path: oci["OCI_CA_BUNDLE"]))
        client = HTTPClient(connector: StreamConnector(context, proxies: .direct))
        let notices = Mailbox<ServiceNotice>()
        let endpoints = try #require(Endpoints(baseURL: oci["OCI_ENDPOINT"]))
        calls = ServiceCalls(
            exchange: SignedExchange(
                client: client,
                endpoints: endpoints,
                userAgent: "scaler-oci-hpc/test",
                hostTime: { Int(WallClock.epochSeconds) + clockError }
            ),
            credentials: try Self.credentials(oci),
            requestsPerSecondMax: 1000,
            random: SeededRandom(seed: 1),
            notify: { notices.send($0) }
        )
        self.mailbox = notices
        instances = ContainerInstances(calls: calls, compartmentID: oci["OCI_COMPARTMENT_ID"])
        objects = ObjectStorage(
            calls: calls,
            namespace: oci["OCI_OBJECT_STORAGE_NAMESPACE"],
            bucket: oci["OCI_OBJECT_STORAGE_BUCKET"]
        )
    }

    private let mailbox: Mailbox<ServiceNotice>

    /// What was noticed since the last call.
    func takeNotices() -> [ServiceNotice] {
        var taken: [ServiceNotice] = []
        while let notice = mailbox.poll() { taken.append(notice) }
        return taken
    }

    func stop() async throws {
        client.close()
        try await oci.stop()
    }

    private static func credentials(_ oci: LocalOCI) throws -> any CredentialSource {
        var options = CloudAccessOptions(userAgent: "test")
        options.configFile = oci["OCI_CONFIG_FILE"]
        return try ProfileSource.find(options, environment: [:], home: "/nonexistent").credentials()
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
