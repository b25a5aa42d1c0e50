// SPDX-License-Identifier: Apache-2.0
import Encodings
import Testing

@Suite struct PercentEncodingTests {
    /// Recorded from the Python SDK's object storage client, which encodes strictly.
    @Test(
        arguments: [
            ("a/b c", "a%2Fb%20c"), ("é~+#?%", "%C3%A9~%2B%23%3F%25"), ("a/../b", "a%2F..%2Fb"),
            ("x*()'!$,;:@&=", "x%2A%28%29%27%21%24%2C%3B%3A%40%26%3D"), ("A-Z_a.z~09", "A-Z_a.z~09"),
        ]
    )
    func `object names are encoded as the official client encodes them`(name: String, encoded: String) {
        #expect(PercentEncoding.encode(name) == encoded)
        #expect(PercentEncoding.decode(encoded[...]) == Array(name.utf8))
    }

    @Test(arguments: ["%", "a%4", "%zz", "%+1", "%C3%"])
    func `a percent sign without two digits cannot be decoded`(text: String) {
        #expect(PercentEncoding.decode(text[...]) == nil)
    }

    @Test func `a query keeps its order and leaves out what is nil`() {
        let query = PercentEncoding.query([
            ("compartmentId", "ocid1.compartment.oc1..aaaacomp"), ("limit", nil),
            ("availabilityDomain", "Uocm:US-ASHBURN-AD-1"), ("displayName", "build & test/é +1"),
        ])
        #expect(
            query == "compartmentId=ocid1.compartment.oc1..aaaacomp&availabilityDomain=Uocm%3AUS-ASHBURN-AD-1"
                + "&displayName=build%20%26%20test%2F%C3%A9%20%2B1"
        )
    }
}
