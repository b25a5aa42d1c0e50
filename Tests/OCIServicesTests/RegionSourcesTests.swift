// SPDX-License-Identifier: Apache-2.0

import OCIProfile
import OCIServices
import Testing

@Suite struct RegionSourcesTests {
    private func resolve(_ name: String, _ environment: [String: String]) -> Region {
        RegionSources.resolve(name, environment: environment, home: "/nonexistent")
    }

    @Test func `a region of an unknown realm is described by the environment`() {
        let text =
            #"{"realmKey":"OC99","realmDomainComponent":"example.com","regionKey":"XYZ","#
            + #""regionIdentifier":"ex-region-1","more":7}"#
        let region = resolve("xyz", ["OCI_REGION_METADATA": text])
        #expect(region.identifier == "ex-region-1")
        #expect(region.host(of: .objectStorage) == "objectstorage.ex-region-1.example.com")
    }

    @Test(arguments: ["", "[]", "{", #"{"regionKey":7}"#, "[[1]]", "null"])
    func `a description that makes no sense is none`(text: String) {
        #expect(resolve("iad", ["OCI_REGION_METADATA": text]).identifier == "us-ashburn-1")
        #expect(resolve("ex-region-1", ["OCI_REGION_METADATA": text]).domain == "oraclecloud.com")
    }

    @Test func `a default realm is for unknown regions only`() {
        let environment = ["OCI_DEFAULT_REALM": "example.com"]
        #expect(resolve("ex-region-1", environment).domain == "example.com")
        #expect(resolve("us-ashburn-1", environment).domain == "oraclecloud.com")
    }
}
