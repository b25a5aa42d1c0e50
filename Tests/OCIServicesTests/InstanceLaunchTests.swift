// SPDX-License-Identifier: Apache-2.0

import JSON
import OCIServices
import Testing

@Suite struct InstanceLaunchTests {
    static var minimal: InstanceLaunch {
        InstanceLaunch(
            compartmentID: "ocid1.compartment.oc1..a",
            availabilityDomain: "Uocm:US-ASHBURN-AD-1",
            displayName: "scaler-wm-0123",
            shape: "CI.Standard.E4.Flex",
            ocpus: 1,
            memoryGB: 6.5,
            subnetID: "ocid1.subnet.oc1..b",
            imageURL: "iad.ocir.io/ns/runner:latest"
        )
    }

    @Test func `the least launch still says that nothing is run twice`() {
        #expect(
            String(decoding: Self.minimal.body.encoded(), as: UTF8.self)
                == #"{"compartmentId":"ocid1.compartment.oc1..a","availabilityDomain":"Uocm:US-ASHBURN-AD-1","#
                + #""displayName":"scaler-wm-0123","shape":"CI.Standard.E4.Flex","#
                + #""shapeConfig":{"ocpus":1.0,"memoryInGBs":6.5},"#
                + #""containers":[{"displayName":"scaler-wm-0123","imageUrl":"iad.ocir.io/ns/runner:latest","#
                + #""environmentVariables":{},"isResourcePrincipalDisabled":false}],"#
                + #""vnics":[{"subnetId":"ocid1.subnet.oc1..b"}],"containerRestartPolicy":"NEVER","#
                + #""freeformTags":{}}"#
        )
    }

    @Test func `everything that can be said is said under the API's names`() {
        var launch = Self.minimal
        launch.environment = [("TASK_ID", "ff"), ("EMPTY", "")]
        launch.freeformTags = [("scaler-owner", "o")]
        launch.definedTags = [
            ("cost", "centre", "1"),
            ("ops", "team", "a"),
            ("cost", "project", "2"),
        ]
        launch.imagePullSecrets = [
            .basic(registry: "iad.ocir.io", username: "ns/é", password: "s3cret"),
            .vault(registry: "iad.ocir.io", secretID: "ocid1.vaultsecret.oc1..c"),
        ]
        launch.isResourcePrincipalDisabled = true
        launch.gracefulShutdownTimeoutSeconds = 5
        let text = String(decoding: launch.body.encoded(), as: UTF8.self)
        for part in [
            #""environmentVariables":{"TASK_ID":"ff","EMPTY":""}"#,
            #""isResourcePrincipalDisabled":true"#,
            #""gracefulShutdownTimeoutInSeconds":5"#,
            #""freeformTags":{"scaler-owner":"o"}"#,
            #""definedTags":{"cost":{"centre":"1","project":"2"},"ops":{"team":"a"}}"#,
            #"{"secretType":"BASIC","registryEndpoint":"iad.ocir.io","username":"bnMvw6k=","password":"czNjcmV0"}"#,
            #"{"secretType":"VAULT","registryEndpoint":"iad.ocir.io","secretId":"ocid1.vaultsecret.oc1..c"}"#,
        ] {
            #expect(text.contains(part), "\(part) in \(text)")
        }
        #expect(launch == launch)
        #expect(launch != Self.minimal)
    }
}
