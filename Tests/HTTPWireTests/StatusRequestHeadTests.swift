// SPDX-License-Identifier: Apache-2.0

import HTTPWire
import TestSupport
import Testing

@Suite struct StatusRequestHeadTests {
    @Test(
        arguments: [
            ("GET /livez?a HTTP/1.1\r\nHost: x\r\n\r\n", .get("/livez")),
            ("HEAD /livez HTTP/1.0\n\n", .head("/livez")),
            ("PUT /livez HTTP/1.1\r\n\r\n", .otherMethod), ("GET /livez HTTP/1.1\r\n", .notHTTP),
            ("GET /livez HTTP/2\r\n\r\n", .notHTTP), ("", .notHTTP), ("GET /a\rb HTTP/1.1\r\n\r\n", .notHTTP),
            ("GET /" + String(repeating: "x", count: 9000), .tooLarge),
        ] as [(String, StatusRequestHead.Request)]
    )
    func `a head says what it asks for once it has ended, whole or byte by byte`(
        _ text: String,
        _ expected: StatusRequestHead.Request
    ) {
        var whole = StatusRequestHead()
        whole.append(text.utf8)
        var single = StatusRequestHead()
        for byte in text.utf8 { single.append([byte]) }
        #expect(whole.request == expected && single.request == expected)
    }

    @Test func `fields of one name are all read, whatever the case of its letters`() {
        var head = StatusRequestHead()
        head.append(
            "GET / HTTP/1.1\r\nhost: a\r\nACCEPT: text/plain; q=0.5\r\nAccept:\t*/*\r\nHOST: b\r\n\r\n".utf8
        )
        #expect(head.hosts == ["a", "b"])
        #expect(head.accept == "text/plain;q=0.5,*/*")
    }

    @Test(arguments: [
        "", "GET /livez HTTP/1.1", "GET /livez HTTP/1.1\r\n", "GET /livez HTTP/1.1\r\nHost: x\r\n",
    ])
    func `a head that ends early is no request`(_ text: String) {
        var head = StatusRequestHead()
        head.append(text.utf8)
        #expect(!head.isWhole)
        #expect(head.request == .notHTTP)
    }

    @Test(arguments: UInt64(0)..<50)
    func `bytes of any kind have an answer and no more room than a head has`(_ seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var head = StatusRequestHead()
        let alphabet = Array("GET /livez HTTP/1.1\r\n\r\n: ?\0\u{FF}".utf8)
        for _ in 0..<200 where !head.isWhole {
            head.append((0..<100).map { _ in alphabet.randomElement(using: &random) ?? 0 })
        }
        #expect(head.isWhole)
        #expect([.tooLarge, .notHTTP, .otherMethod].contains(head.request))
    }
}
