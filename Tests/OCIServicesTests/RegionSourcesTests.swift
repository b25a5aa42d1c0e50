// SPDX-License-Identifier: Apache-2.0

import Glibc
import OCIProfile
import OCIServices
import Testing
import Transport

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

    @Test func `the file describes more regions, and comes before the environment`() throws {
        var name = Array("/tmp/scaler-test-XXXXXX".utf8CString)
        try #require(mkdtemp(&name) != nil)
        let home = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let file = "\(home)/.oci/regions-config.json"
        try #require(mkdir("\(home)/.oci", 0o700) == 0)
        defer {
            unlink(file)
            rmdir("\(home)/.oci")
            rmdir(home)
        }
        let text = #"""
            [{"realmKey":"OC98","realmDomainComponent":"One.example","regionKey":"ABC","regionIdentifier":"a-1"},
             {"realmKey":"OC99","realmDomainComponent":"two.example","regionKey":"XYZ","regionIdentifier":"x-1"},
             {"realmKey":"OC99","realmDomainComponent":"","regionKey":"BAD","regionIdentifier":"b-1"},
             {"realmKey":"OC1","realmDomainComponent":"evil.example","regionKey":"IAD","regionIdentifier":"i-1"}]
            """#
        try replaceFile(file, with: Array(text.utf8))
        let environment = [
            "OCI_REGION_METADATA":
                #"{"realmKey":"o","realmDomainComponent":"three.example","regionKey":"xyz","regionIdentifier":"z-1"}"#
        ]
        func host(_ name: String) -> String {
            RegionSources.resolve(name, environment: environment, home: home).host(of: .objectStorage)
        }
        #expect(host("abc") == "objectstorage.a-1.one.example")
        #expect(host("XYZ") == "objectstorage.x-1.two.example")
        #expect(host("z-1") == "objectstorage.z-1.three.example")
        #expect(host("bad") == "objectstorage.bad.oraclecloud.com")
        // Nobody describes a known region anew.
        #expect(host("iad") == "objectstorage.us-ashburn-1.oraclecloud.com")
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
