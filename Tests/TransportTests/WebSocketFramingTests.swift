// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import Transport

@Suite struct WebSocketFramingTests {
    /// A server's stream of whole and broken messages, with control frames between and inside them.
    private static let conversation: [UInt8] =
        [0x82, 3, 1, 2, 3, 0x89, 2, 9, 9, 0x02, 1, 4, 0x8A, 0, 0x00, 0, 0x80, 2, 5, 6]
        + [0x82, 126, 1, 0] + [UInt8](repeating: 7, count: 256)
        + [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0] + [UInt8](repeating: 8, count: 65536)
        + [0x88, 4, 3, 0xE8, 0x6F, 0x6B, 0xFF, 0xFF]

    @Test func `frames are a stream however they are cut and however they arrive`() throws {
        let expected: [UInt8] =
            Array(1...6) + [UInt8](repeating: 7, count: 256) + [UInt8](repeating: 8, count: 65536)
        for feeding in feedings(of: Self.conversation) {
            var framing = WebSocketFraming()
            var bytes: [UInt8] = []
            var others: [WebSocketFraming.Event] = []
            for piece in feeding.pieces {
                framing.feed(piece)
                while let event = try framing.next(upTo: 1000) {
                    guard case .bytes(let part) = event else {
                        others.append(event)
                        continue
                    }
                    #expect((1...1000).contains(part.count))
                    bytes += part
                }
            }
            #expect(bytes == expected, "\(feeding)")
            #expect(others == [.ping([9, 9]), .close(reason: [3, 0xE8])], "\(feeding)")
        }
    }

    @Test(
        arguments: [
            ([0xC2, 0], WebSocketFault.reserved), ([0xA2, 0], .reserved), ([0x92, 0], .reserved),
            ([0x83], .reserved),
            ([0x8B, 0], .reserved), ([0x8F], .reserved), ([0x82, 0x81, 1, 2, 3, 4, 5], .masked),
            ([0x81, 1, 65], .text),
            ([0x01, 1, 65], .text), ([0x80, 0], .misplacedFragment), ([0x00, 1, 1], .misplacedFragment),
            ([0x02, 0, 0x82, 0], .misplacedFragment), ([0x82, 0, 0x80, 0], .misplacedFragment),
            ([0x09, 0], .malformedControl), ([0x89, 126, 0, 126], .malformedControl),
            ([0x88, 1, 3], .malformedControl),
            ([0x08, 0], .malformedControl), ([0x82, 126, 0, 125], .malformedLength),
            ([0x82, 127, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], .malformedLength),
            ([0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0], .malformedLength),
        ] as [([UInt8], WebSocketFault)]
    )
    func `what no server may send ends the connection, for ever`(
        _ bytes: [UInt8],
        _ fault: WebSocketFault
    ) throws {
        var framing = WebSocketFraming()
        framing.feed(bytes)
        for _ in 0..<2 {
            #expect(throws: fault) { while try framing.next(upTo: 100) != nil {} }
            framing.feed([0x82, 1, 1])
        }
    }

    @Test func `a frame that announces all there can be is handed on as it comes, and nothing is kept`()
        throws
    {
        var framing = WebSocketFraming()
        framing.feed([0x82, 127, 0x7F] + [UInt8](repeating: 0xFF, count: 7))
        #expect(try framing.next(upTo: 10) == nil)
        for _ in 0..<1000 {
            framing.feed([1, 2, 3])
            #expect(try framing.next(upTo: 10) == .bytes([1, 2, 3]))
            #expect(try framing.next(upTo: 10) == nil)
        }
    }

    /// RFC 6455 section 5.7: "Hello" under the mask 37 fa 21 3d.
    @Test func `a client's frames are masked as the standard shows`() {
        let hello = Array("Hello".utf8)[...]
        let masked: [UInt8] = [0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58]
        #expect(WebSocketOpcode.binary.frame(hello, key: [0x37, 0xFA, 0x21, 0x3D]) == [0x82] + masked)
        #expect(WebSocketOpcode.pong.frame(hello, key: [0x37, 0xFA, 0x21, 0x3D]) == [0x8A] + masked)
        for (count, length) in [
            (0, [0x80]), (125, [0xFD]), (126, [0xFE, 0, 126]), (0xFFFF, [0xFE, 0xFF, 0xFF]),
            (0x1_0000, [0xFF, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] as [(Int, [UInt8])] {
            let payload = [UInt8](repeating: 3, count: count)
            let frame = WebSocketOpcode.binary.frame(payload[...], key: [0, 0, 0, 1])
            #expect(Array(frame.prefix(1 + length.count)) == [0x82] + length)
            #expect(frame.count == 1 + length.count + 4 + count)
        }
    }

    @Test func `any bytes become events or a fault, and no more bytes than were fed`() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededRandom(seed: seed)
        var faultCount = 0
        for round in 0..<3000 {
            var bytes = Array(Self.conversation.prefix(Int.random(in: 1...300, using: &random)))
            for _ in 0..<Int.random(in: 0...6, using: &random) {
                bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(
                    in: 0...255,
                    using: &random
                )
            }
            var framing = WebSocketFraming()
            var count = 0
            do {
                while !bytes.isEmpty {
                    let piece = Array(bytes.prefix(Int.random(in: 1...40, using: &random)))
                    bytes.removeFirst(piece.count)
                    framing.feed(piece)
                    while let event = try framing.next(upTo: 7) {
                        if case .bytes(let part) = event { count += part.count }
                    }
                }
            } catch {
                faultCount += 1
            }
            #expect(count <= 300, "seed \(seed), round \(round)")
        }
        #expect((1..<3000).contains(faultCount), "seed \(seed)")
    }
}
