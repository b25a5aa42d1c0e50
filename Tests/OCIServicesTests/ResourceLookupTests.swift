// SPDX-License-Identifier: Apache-2.0

import EventLoop
import JSON
import OCISigning
import TestSupport
import Testing

@testable import OCIServices

/// Buckets, identities, subnet, registry and limits, against a local OCI that verifies every signature.
@Suite struct ResourceLookupTests {
    @LoopActor
    private func tenancyID(_ services: Services) throws -> String {
        try #require(services.credentials.tenancyID)
    }

    @Test(needsLocalOCI)
    func `a bucket is made, ruled and removed`() async throws {
        try await onLoop {
            let services = try await Services.start()
            let (calls, compartmentID) = (services.calls, services.oci["OCI_COMPARTMENT_ID"])
            let buckets = Buckets(
                calls: calls,
                namespace: services.oci["OCI_OBJECT_STORAGE_NAMESPACE"],
                compartmentID: compartmentID
            )
            #expect(try await buckets.find("surroundings", deadline: soon) == nil)
            _ = try await calls.apply(
                buckets.creation(of: "surroundings", tags: [("a", "b")]),
                deadline: soon
            )
            let bucket = try #require(try await buckets.find("surroundings", deadline: soon))
            #expect(bucket.freeformTags == ["a": "b"])
            #expect(bucket.compartmentID == compartmentID)
            #expect(bucket.approximateCount == 0)
            #expect(try await buckets.lifecycle(of: "surroundings", deadline: soon) == [])
            let rule = LifecycleRule(name: "old", deletesAfterDays: 7, prefix: "tasks/")
            let change = buckets.lifecycleChange(of: "surroundings", to: [rule])
            _ = try await calls.apply(change, deadline: soon)
            #expect(try await buckets.lifecycle(of: "surroundings", deadline: soon) == [rule])
            #expect(try await buckets.unfinishedUploads(in: "surroundings", deadline: soon).isEmpty)
            _ = try await calls.apply(buckets.deletion(of: "surroundings"), deadline: soon)
            #expect(try await buckets.find("surroundings", deadline: soon) == nil)
            try await services.stop()
        }
    }

    @Test(needsLocalOCI)
    func `a dynamic group and a policy are made, found, changed and removed`() async throws {
        try await onLoop {
            let services = try await Services.start()
            let calls = services.calls
            let tenancyID = try tenancyID(services)
            let identity = Identity(calls: calls, tenancyID: tenancyID)
            let tenancy = try await identity.tenancy(deadline: soon)
            #expect(tenancy.homeRegionKey == "iad")
            let compartmentID = services.oci["OCI_COMPARTMENT_ID"]
            #expect(try await identity.compartment(compartmentID, deadline: soon)?.lifecycleState == "ACTIVE")
            #expect(try await identity.compartment("ocid1.compartment.oc1..no", deadline: soon) == nil)

            #expect(try await identity.dynamicGroup("surroundings", deadline: soon) == nil)
            let creation = identity.dynamicGroupCreation(
                of: "surroundings",
                matchingRule: "ALL {}",
                description: "d",
                tags: [("a", "b")]
            )
            let groupID = try await calls.apply(creation, deadline: soon)
            _ = try await calls.apply(
                identity.dynamicGroupChange(of: groupID, matchingRule: "ANY {}"),
                deadline: soon
            )
            let group = try #require(try await identity.dynamicGroup("surroundings", deadline: soon))
            #expect(group.id == groupID)
            #expect(group.matchingRule == "ANY {}")
            #expect(group.freeformTags == ["a": "b"])
            _ = try await calls.apply(identity.dynamicGroupDeletion(of: groupID), deadline: soon)

            let policyID = try await calls.apply(
                identity.policyCreation(
                    of: "surroundings",
                    in: compartmentID,
                    statements: ["one"],
                    description: "d",
                    tags: []
                ),
                deadline: soon
            )
            _ = try await calls.apply(
                identity.policyChange(of: policyID, statements: ["one", "two"]),
                deadline: soon
            )
            let policy = try await identity.policy("surroundings", in: compartmentID, deadline: soon)
            #expect(policy?.statements == ["one", "two"])
            _ = try await calls.apply(identity.policyDeletion(of: policyID), deadline: soon)
            #expect(try await identity.policy("surroundings", in: compartmentID, deadline: soon) == nil)
            try await services.stop()
        }
    }

    @Test(needsLocalOCI)
    func `subnet, groups, registry and limits are looked up`() async throws {
        try await onLoop {
            let services = try await Services.start()
            let calls = services.calls
            let tenancyID = try tenancyID(services)
            let compartmentID = services.oci["OCI_COMPARTMENT_ID"]
            let subnet = try await Subnet.find(services.oci["OCI_SUBNET_ID"], calls: calls, deadline: soon)
            #expect(subnet?.lifecycleState == "AVAILABLE")
            #expect(subnet?.availabilityDomain == nil)
            #expect(try await Subnet.find("ocid1.subnet.oc1..no", calls: calls, deadline: soon) == nil)

            let key = try await services.credentials.current(deadline: soon).keyID.text
            let user = String(key.split(separator: "/")[1])
            let names = try await Identity(calls: calls, tenancyID: tenancyID).groupNames(
                ofUser: user,
                deadline: soon
            )
            #expect(names == ["scaler-users"])

            let repositories = ContainerRepositories(calls: calls, compartmentID: compartmentID)
            let repository = try #require(
                try await repositories.find("scaler-job-runner", deadline: soon)
            )
            #expect(repository.imageCount == 1)
            let images = try await repositories.images(in: "scaler-job-runner", deadline: soon)
            #expect(images.map(\.version) == ["latest"])
            let id = try await calls.apply(
                repositories.creation(of: "surroundings", tags: []),
                deadline: soon
            )
            #expect(try await repositories.find("surroundings", deadline: soon)?.id == id)
            _ = try await calls.apply(repositories.deletion(of: id), deadline: soon)
            #expect(try await repositories.loginToken(deadline: soon).split(separator: ".").count == 3)

            let limits = ServiceLimits(calls: calls, tenancyID: tenancyID)
            let limit = try #require(try await limits.all(deadline: soon).first)
            let available = try await limits.available(
                limit,
                availabilityDomain: services.oci["OCI_AVAILABILITY_DOMAIN"],
                deadline: soon
            )
            #expect(try #require(available) > 0)
            try await services.stop()
        }
    }

    @Test func `a rule in years or with patterns is read as it is`() throws {
        let text = """
            {"name": "r", "action": "ARCHIVE", "timeAmount": 2, "timeUnit": "YEARS", "isEnabled": false,
             "objectNameFilter": {"inclusionPrefixes": ["a/"], "exclusionPatterns": ["*.x"]}}
            """
        let rule = try LifecycleRule(JSONObject(reading: Array(text.utf8)))
        #expect(rule.days == 730)
        // A change of a bucket's rules writes back those that are not ours.
        let filter = try #require(try JSONObject(rule.body).objectIfPresent("objectNameFilter"))
        #expect(filter.texts("inclusionPrefixes") == ["a/"])
        #expect(filter.texts("exclusionPatterns") == ["*.x"])
        #expect(filter.texts("inclusionPatterns") == [])
        #expect(!rule.mayCover(prefix: "a/b"))
        let bare = try LifecycleRule(JSONObject(reading: Array(#"{"action": "DELETE"}"#.utf8)))
        #expect(bare.days == 0)
        #expect(bare.mayCover(prefix: "anything"))
    }

    @Test func `a size fits a shape only within all its ranges`() throws {
        let text = """
            {"name": "S", "ocpuOptions": {"min": 1.0, "max": 64.0},
             "memoryOptions": {"minInGBs": 1.0, "maxInGBs": 1024.0, "minPerOcpuInGBs": 1.0, "maxPerOcpuInGBs": 64.0}}
            """
        let shape = try InstanceShape(JSONObject(reading: Array(text.utf8)))
        #expect(shape.misfit(ocpus: 4, memoryGB: 32) == nil)
        #expect(shape.misfit(ocpus: 0.5, memoryGB: 1) == "S has 1 to 64 OCPUs, not 0.5")
        #expect(shape.misfit(ocpus: 64, memoryGB: 2000) == "S has 1 to 1024 GB of memory, not 2000")
        #expect(
            shape.misfit(ocpus: 8, memoryGB: 4) == "S has 1 to 64 GB of memory for each OCPU, not 4 for 8"
        )
        let rigid = try InstanceShape(JSONObject(reading: Array(#"{"name": "R"}"#.utf8)))
        #expect(rigid.misfit(ocpus: 1000, memoryGB: 1) == nil)
    }
}
