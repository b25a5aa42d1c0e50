// SPDX-License-Identifier: Apache-2.0

import HTTPClient
import Testing

@Suite struct OriginTests {
    @Test(arguments: [
        ("https://Example.com", "https://example.com", "example.com", 443, ""),
        ("https://example.com:443/", "https://example.com", "example.com", 443, "/"),
        ("http://127.0.0.1:8080/opc/v2", "http://127.0.0.1:8080", "127.0.0.1:8080", 8080, "/opc/v2"),
        ("HTTP://h:80/a/b", "http://h", "h", 80, "/a/b"),
        ("http://[fd00::1]/x", "http://[fd00::1]", "[fd00::1]", 80, "/x"),
        ("https://[::1]:8443", "https://[::1]:8443", "[::1]:8443", 8443, ""),
    ])
    func `a base URL is an origin and a path`(
        url: String,
        text: String,
        authority: String,
        port: Int,
        path: String
    ) throws {
        let parsed = try #require(HTTPOrigin.parse(url))
        #expect(parsed.origin.description == text)
        #expect(parsed.origin.authority == authority)
        #expect(Int(parsed.origin.port) == port)
        #expect(parsed.path == path)
    }

    @Test(arguments: [
        "", "example.com", "ftp://h", "http:h", "http://", "http://:80", "http://h:", "http://h:0",
        "http://h:65536", "http://h:+1", "http://u@h",
        "http://h?q", "http://h/#f", "http://[::1", "http://[::1]x", "http://[]", "http://h h",
    ])
    func `anything else is no base URL`(url: String) {
        #expect(HTTPOrigin.parse(url) == nil)
    }
}
