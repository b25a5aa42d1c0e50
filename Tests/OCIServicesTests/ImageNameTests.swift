// SPDX-License-Identifier: Apache-2.0

import OCIServices
import Testing

@Suite struct ImageNameTests {
    @Test(arguments: [
        ("iad.ocir.io/ns/team/runner:1", "iad", "team/runner", "1"),
        ("us-ashburn-1.ocir.io/ns/runner", "us-ashburn-1", "runner", "latest"),
        ("ocir.us-ashburn-1.oci.oraclecloud.com/ns/runner:x", "us-ashburn-1", "runner", "x"),
        ("docker.io/library/python:3", nil, "python", "3"), ("python", nil, "", "latest"),
        ("", nil, "", "latest"),
    ])
    func `an image's name comes apart`(_ text: String, _ region: String?, _ repository: String, _ tag: String)
    {
        let name = ImageName(text)
        #expect(name.registryRegion == region)
        #expect(name.repository == repository)
        #expect(name.tag == tag)
    }

    @Test func `a digest takes the place of a tag`() {
        let name = ImageName("iad.ocir.io/ns/runner@sha256:00ff")
        #expect(name.digest == "sha256:00ff")
        #expect(name.tag == nil)
        #expect(name.repository == "runner")
    }
}
