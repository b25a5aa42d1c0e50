// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Commands

@Suite struct ProvisionedNamesTests {
    private let names = ProvisionedNames(
        prefix: "scaler-oci",
        namespace: "ns",
        region: "us-ashburn-1",
        bucket: nil
    )

    @Test func `names are those of Scaler's provisioner`() {
        #expect(names.bucket == "scaler-oci-ns-us-ashburn-1")
        #expect(names.dynamicGroup == "scaler-oci-dg")
        #expect(names.policy == "scaler-oci-policy")
        #expect(names.repository == "scaler-oci-worker")
        #expect(
            names.image(registry: "us-ashburn-1.ocir.io", namespace: "ns")
                == "us-ashburn-1.ocir.io/ns/scaler-oci-worker:latest"
        )
        let own = ProvisionedNames(prefix: "p", namespace: "ns", region: "r", bucket: "mine")
        #expect(own.bucket == "mine")
        #expect(own.policy == "p-policy")
    }

    @Test func `containers get objects that they can name, the service its rule, launchers the rest`() {
        let place = "in compartment id ocid1.c"
        let all = PolicyStatements.all(
            names: names,
            compartmentID: "ocid1.c",
            region: "us-ashburn-1",
            launchers: "group ops"
        )
        #expect(
            all == [
                "Allow dynamic-group scaler-oci-dg to manage objects \(place) "
                    + "where all {target.bucket.name='scaler-oci-ns-us-ashburn-1', "
                    + "any {request.permission='OBJECT_READ', request.permission='OBJECT_CREATE', "
                    + "request.permission='OBJECT_OVERWRITE', request.permission='OBJECT_DELETE'}}",
                "Allow dynamic-group scaler-oci-dg to read repos \(place)",
                "Allow service objectstorage-us-ashburn-1 to manage object-family \(place)",
                "Allow group ops to manage compute-container-family \(place)",
                "Allow group ops to use virtual-network-family \(place)",
                "Allow group ops to read repos \(place)",
                "Allow group ops to read buckets \(place)",
                "Allow group ops to manage objects \(place) where target.bucket.name='scaler-oci-ns-us-ashburn-1'",
            ]
        )
        let without = PolicyStatements.all(
            names: names,
            compartmentID: "ocid1.c",
            region: "r",
            launchers: nil
        )
        #expect(without.count == 3)
    }

    @Test(arguments: [
        (["scaler-provisioned-by": "scaler-oci-hpc", "scaler-provisioned-for": "here"], Provenance.ours),
        (
            ["scaler-provisioned-by": "scaler-oci-hpc", "scaler-provisioned-for": "there"],
            .anotherCompartment("there")
        ),
        (["scaler-provisioned-by": "scaler-oci-hpc"], .anotherCompartment("")),
        (["scaler-provisioned-by": "somebody", "scaler-provisioned-for": "here"], .foreign),
        ([:], .foreign),
    ])
    func `a resource is ours only with both tags`(_ tags: [String: String], _ provenance: Provenance) {
        #expect(Provenance(tags: tags, compartmentID: "here") == provenance)
    }

    @Test func `what is made bears both tags, and the user's own`() {
        let tags = Provenance.tags(compartmentID: "here", own: [("team", "blue")])
        #expect(Provenance(tags: Dictionary(uniqueKeysWithValues: tags), compartmentID: "here") == .ours)
        #expect(tags.last?.0 == "team")
    }
}
