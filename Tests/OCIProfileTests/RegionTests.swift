// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import OCIProfile

@Suite struct RegionTests {
    /// Resolved by the Python SDK's clients.
    @Test(
        arguments: [
            (CloudService.containerInstances, "compute-containers.us-ashburn-1.oci.oraclecloud.com"),
            (.objectStorage, "objectstorage.us-ashburn-1.oraclecloud.com"),
            (.identity, "identity.us-ashburn-1.oci.oraclecloud.com"),
            (.artifacts, "artifacts.us-ashburn-1.oci.oraclecloud.com"),
            (.core, "iaas.us-ashburn-1.oraclecloud.com"),
            (.authentication, "auth.us-ashburn-1.oraclecloud.com"),
            (.limits, "limits.us-ashburn-1.oci.oraclecloud.com"),
        ]
    )
    func `every service has its host`(service: CloudService, host: String) {
        #expect(Region.resolve("us-ashburn-1").host(of: service) == host)
        #expect(Region.resolve("IAD ").host(of: service) == host)
    }

    @Test(
        arguments: [
            ("us-gov-phoenix-1", "oc3", "oraclegovcloud.com"), ("ltn", "oc4", "oraclegovcloud.uk"),
            ("eu-frankfurt-2", "oc19", "oraclecloud.eu"), ("ap-chiyoda-1", "oc8", "oraclecloud8.com"),
            ("hnw", "oc52", "oraclecloud52.com"),
        ]
    )
    func `a realm has its domain`(name: String, realm: String, domain: String) {
        let region = Region.resolve(name)
        #expect(region.realm == realm)
        #expect(region.domain == domain)
    }

    @Test func `the table is whole`() {
        let regions = KnownRegions.all
        #expect(regions.count == 85)
        #expect(Set(regions.compactMap(\.key)).count == 85)
        #expect(Set(regions.compactMap(\.identifier)).count == 85)
        #expect(Set(regions.compactMap(\.realm)).count == 20)
        for region in regions {
            #expect(region.key?.utf8.count == 3)
            #expect(region.identifier?.split(separator: "-").count ?? 0 >= 3)
        }
    }

    @Test func `an unknown region is looked up in metadata, known ones first`() throws {
        let mars = try #require(
            Region(metadata: [
                ("realmKey", "OC99"), ("realmDomainComponent", "MarsCloud.com"), ("regionKey", "MRS9"),
                ("regionIdentifier", "mars-Olympus-1"),
            ])
        )
        let fake = try #require(
            Region(metadata: [
                ("realmkey", "oc98"), ("REALMDOMAINCOMPONENT", "fake.com"), ("regionkey", "iad"),
                ("regionidentifier", "us-ashburn-1"), ("more", "x"),
            ])
        )
        for name in ["mrs9", "MARS-olympus-1"] {
            let region = Region.resolve(name, metadata: [fake, mars], defaultDomain: "never.com")
            #expect(region.host(of: .objectStorage) == "objectstorage.mars-olympus-1.marscloud.com")
            #expect(region.host(of: .registry) == "ocir.mars-olympus-1.oci.marscloud.com")
        }
        #expect(Region.resolve("iad", metadata: [fake]).domain == "oraclecloud.com")
    }

    @Test func `metadata needs all four members`() {
        let members = [
            ("realmKey", "a"), ("realmDomainComponent", "b"), ("regionKey", "c"), ("regionIdentifier", "d"),
        ]
        for index in members.indices {
            var changed = members
            changed[index].1 = " "
            #expect(Region(metadata: changed.map { (name: $0.0, value: $0.1) }) == nil)
        }
    }

    @Test func `a region with a dot is the whole domain`() {
        let region = Region.resolve("foo.bar.example.com")
        #expect(region.host(of: .containerInstances) == "compute-containers.foo.bar.example.com")
        #expect(region.host(of: .objectStorage) == "objectstorage.foo.bar.example.com")
    }

    @Test func `any other region is taken to be in the default realm`() {
        #expect(Region.resolve("xx-new-1").host(of: .core) == "iaas.xx-new-1.oraclecloud.com")
        #expect(Region.resolve("xx-new-1", defaultDomain: "").domain == "oraclecloud.com")
        #expect(
            Region.resolve("xx-new-1", defaultDomain: "oraclecloud9.com").host(of: .limits)
                == "limits.xx-new-1.oci.oraclecloud9.com"
        )
    }

    @Test func `the registry is named by short code where users do so`() {
        #expect(Region.resolve("us-ashburn-1").host(of: .registry) == "iad.ocir.io")
        #expect(
            Region.resolve("us-langley-1").host(of: .registry) == "ocir.us-langley-1.oci.oraclegovcloud.com"
        )
    }
}
