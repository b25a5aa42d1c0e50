// SPDX-License-Identifier: Apache-2.0

import OCIServices
import TaskEngine
import TaskPayload
import Testing

@testable import CloudOwnership
@testable import Configuration

@Suite struct InstanceLaunchSettingsTests {
    private func launch(_ change: (inout Settings) -> Void) -> InstanceLaunch {
        var settings = Settings(schedulerAddress: .tcp(host: "h", port: 1))
        settings.compartmentID = "c"
        settings.containerImage = "iad.ocir.io/ns/runner:1"
        change(&settings)
        return InstanceLaunch(
            settings,
            in: Placement(availabilityDomain: "AD-1", subnetID: "s", shape: "E4"),
            ocpus: 2,
            memoryGB: 8,
            displayName: "scaler-1",
            environment: RunnerEnvironment(
                taskID: [1],
                namespace: "ns",
                bucket: "b",
                prefix: "p",
                payload: .object(name: "p/x", isCompressed: false)
            ),
            tags: [("owner", "o")]
        )
    }

    @Test func `placement and size are the caller's, compartment and image the settings'`() {
        let launch = launch { _ in }
        #expect([launch.availabilityDomain, launch.subnetID, launch.shape] == ["AD-1", "s", "E4"])
        #expect([launch.ocpus, launch.memoryGB] == [2, 8])
        #expect([launch.compartmentID, launch.imageURL] == ["c", "iad.ocir.io/ns/runner:1"])
        #expect(launch.displayName == "scaler-1")
        #expect(launch.environment.contains { $0.value == "b" })
        #expect(launch.imagePullSecrets.isEmpty)
    }

    @Test func `the settings' own tags come first`() {
        let launch = launch {
            $0.freeformTags = [.init(key: "team", value: "x")]
            $0.definedTags = [.init(namespace: "n", key: "k", value: "v")]
        }
        #expect(launch.freeformTags.map(\.name) == ["team", "owner"])
        #expect(launch.definedTags.map(\.namespace) == ["n"])
    }

    @Test func `a secret of the vault goes before a password`() {
        let launch = launch {
            $0.imagePullSecretID = "ocid1.vaultsecret"
            $0.imagePullUsername = "u"
            $0.imagePullPassword = "p"
        }
        guard case .vault("iad.ocir.io", "ocid1.vaultsecret") = launch.imagePullSecrets.first else {
            Issue.record("\(launch.imagePullSecrets)")
            return
        }
        #expect(launch.imagePullSecrets.count == 1)
    }
}
