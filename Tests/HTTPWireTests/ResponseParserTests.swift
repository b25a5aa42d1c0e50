// SPDX-License-Identifier: Apache-2.0

import HTTPWire
import TestSupport
import Testing

@Suite struct ResponseParserTests {
    private static let final = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    @Test(arguments: [
        ResponseCase.accept("100", "HTTP/1.1 100 Continue\r\n\r\n" + final, body: "ok", interim: [100]),
        .accept(
            "103 with fields that would frame a body",
            "HTTP/1.1 103 Early Hints\r\nContent-Length: 7\r\nLink: </a>\r\n\r\n" + final,
            body: "ok",
            interim: [103]
        ),
        .accept(
            "several",
            "HTTP/1.1 100 A\r\n\r\nHTTP/1.1 102 B\r\n\r\nHTTP/1.1 103 C\r\nConnection: close\r\n\r\n" + final,
            body: "ok",
            interim: [100, 102, 103]
        ),
        .accept(
            "ten",
            String(repeating: "HTTP/1.1 100 A\r\n\r\n", count: 10) + final,
            body: "ok",
            interim: Array(repeating: 100, count: 10)
        ),
        .reject(
            "eleven",
            String(repeating: "HTTP/1.1 100 A\r\n\r\n", count: 11) + final,
            .tooManyInterimResponses
        ),
        .reject("101", "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", .unexpectedUpgrade),
        .accept(
            "417 instead of 100 [357, 1129]",
            "HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n",
            status: 417
        ),
    ])
    func `interim answers are skipped, up to ten, and never change the protocol [1115]`(_ given: ResponseCase)
    {
        given.check()
    }

    @Test(arguments: [
        ResponseCase.accept(
            "a second answer",
            final + final,
            body: "ok",
            extra: final.utf8.count,
            then: .extraBytes
        ),
        .accept("one byte", final + "x", body: "ok", extra: 1, then: .extraBytes),
        .accept("an empty line", final + "\r\n", body: "ok", extra: 2, then: .extraBytes),
        .accept(
            "after the last chunk",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\nx",
            body: "a",
            extra: 1,
            then: .extraBytes
        ),
        .accept("a close after the end", final, closed: true, body: "ok"),
    ])
    func `bytes after a complete answer keep the result and drop the connection`(_ given: ResponseCase) {
        given.check()
    }

    @Test func `a close is an error wherever the message is not complete [207, 1665, 1909]`() {
        let whole = Array(Self.final.utf8)
        let headCount = whole.count - 2
        for count in 0..<whole.count {
            let error: HTTPWireError =
                count == 0 ? .closedBeforeResponse : .truncated(count < headCount ? .head : .body)
            let given = ResponseCase(
                name: "\(count) bytes",
                bytes: Array(whole[..<count]),
                isClosed: true,
                verdict: .failure(error)
            )
            given.check()
            #expect(error.isRetryable)
        }
    }

    @Test func `a close after an interim answer is a truncated head, not an unanswered request`() {
        ResponseCase.reject("100", "HTTP/1.1 100 Continue\r\n\r\n", closed: true, .truncated(.head)).check()
    }

    @Test func `the caller can tell whether a byte of the answer came`() throws {
        var parser = ResponseParser(answering: "GET")
        let nothing = try parser.next()
        #expect(nothing == .needMore)
        #expect(!parser.hasReceivedBytes)
        parser.feed([UInt8(ascii: "H")])
        #expect(parser.hasReceivedBytes)
    }

    @Test func `a large body passes through without being gathered`() throws {
        var parser = ResponseParser(answering: "GET")
        parser.feed(Array("HTTP/1.1 200 OK\r\ncontent-length: 1048576\r\n\r\n".utf8))
        _ = try parser.next()
        for _ in 0..<16 {
            let part = [UInt8](repeating: 7, count: 65_536)
            parser.feed(part)
            let event = try parser.next()
            #expect(event == .bodyPart(part))
        }
        let end = try parser.next()
        #expect(end == .end)
    }

    /// Answers with something of everything in them, to be damaged.
    private static let seeds: [String] = [
        final,
        "HTTP/1.1 100 C\r\n\r\nHTTP/1.0 200\r\nX: a\r\n b\r\nConnection: keep-alive, x\r\n\r\nuntil close",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\"b\\\"\";c\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\nT: u\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
    ]

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `damaged answers are read or refused, alike however they are cut`(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for round in 0..<1500 {
            let bytes = Self.damaged(&random)
            var given = ResponseCase(
                name: "seed \(seed) round \(round)",
                bytes: bytes,
                verdict: .success(Reading())
            )
            given.isClosed = Bool.random(using: &random)
            let cut = Int.random(in: 0...bytes.count, using: &random)
            let whole = Reading.read([bytes], of: given)
            let single = Reading.read(bytes.map { [$0] }, of: given)
            let halves = Reading.read([Array(bytes[..<cut]), Array(bytes[cut...])], of: given)
            #expect(whole == single && whole == halves, "seed \(seed) round \(round): \(bytes)")
        }
    }

    private static func damaged(_ random: inout SeededRandom) -> [UInt8] {
        var bytes = seeds.flatMap { Bool.random(using: &random) ? Array($0.utf8) : [] }
        let favourites = Array("\r\n \t:;,\"\\0123456789abcdefxHTP/.".utf8) + [0, 0x7F, 0x80, 0xFF]
        for _ in 0..<Int.random(in: 1...8, using: &random) where !bytes.isEmpty {
            let place = Int.random(in: 0..<bytes.count, using: &random)
            let favourite = favourites[Int.random(in: 0..<favourites.count, using: &random)]
            switch Int.random(in: 0..<5, using: &random) {
            case 0: bytes[place] = favourite
            case 1: bytes.insert(favourite, at: place)
            case 2: bytes.remove(at: place)
            case 3: bytes.removeLast(Int.random(in: 0...min(20, bytes.count), using: &random))
            default: bytes.insert(contentsOf: bytes.prefix(place).suffix(12), at: place)
            }
        }
        return bytes
    }
}
