// SPDX-License-Identifier: Apache-2.0

import Encodings
import Testing
import Transport

@testable import Daemon

@Suite struct LivePageTests {
    @Test func `the page is one small file that names no other address`() {
        let text = LivePage.page.text
        #expect(text.utf8.count <= 50_000)
        for word in ["http:", "https:", "//", "src=", "href=", "url(", "@import"] {
            // What stands behind `//` is a comment of the script.
            let lines = text.split(separator: "\n").filter { !$0.drop { $0 == " " }.hasPrefix("//") }
            let found = lines.filter { $0.contains(word) && !$0.contains("http://www.w3.org/2000/svg") }
            #expect(found == [], "\(word)")
        }
    }

    @Test func `the script sets text, never markup`() {
        let text = LivePage.page.text
        for word in [
            "innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "DOMParser", "srcdoc",
        ] {
            #expect(!text.contains(word), "\(word)")
        }
    }

    @Test func `the policy allows the page's own script and style by their digests, and nothing else`() throws
    {
        let policy = try #require(LivePage.page.fields.first { $0.name == "Content-Security-Policy" }?.value)
        #expect(policy.hasPrefix("default-src 'none'; script-src 'sha256-"))
        #expect(!policy.contains("unsafe"))
        let style = Base64.encode(DigestAlgorithm.sha256.digest(Array("\nb { }\n".utf8)))
        let other = LivePage.policy(of: "<style>\nb { }\n</style>\n")
        #expect(other.contains("script-src 'none'; style-src 'sha256-\(style)'; connect-src 'self'"))
    }

    @Test func `the page's own fields are in the head of its response`() {
        let response = String(decoding: LivePage.page.encoded(withBody: false), as: UTF8.self)
        #expect(response.contains("\r\nContent-Security-Policy: default-src 'none'; "))
        #expect(response.contains("\r\nX-Content-Type-Options: nosniff\r\n"))
        #expect(response.hasSuffix("\r\n\r\n"))
    }
}
