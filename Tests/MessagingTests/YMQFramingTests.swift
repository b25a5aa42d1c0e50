// SPDX-License-Identifier: Apache-2.0

import Messaging
import TestSupport
import Testing

@Suite struct YMQFramingTests {
    /// As opengris-scaler 2.5.0 to 2.9.0 puts them on a connection.
    private static let hellos: [(YMQVersion, String, String)] = [
        (.one, "", "594d5101 0000000000000000"),
        (.two, "", "594d5102 0000000000000000"),
        (
            .one, "Worker|oci-hpc-0|00112233445566778899aabbccddeeff",
            "594d5101 3100000000000000 576f726b65727c6f63692d6870632d307c3030313132323333343435353636373738383939"
                + "616162626363646465656666"
        ),
        (
            .two, "Worker|oci-hpc-0|00112233445566778899aabbccddeeff",
            "594d5102 3100000000000000 576f726b65727c6f63692d6870632d307c3030313132323333343435353636373738383939"
                + "616162626363646465656666"
        ),
        (
            .one, "12345|worker_manager_oci_hpc|6bd9ce85-a33b-42d3-93c0-420f41112ad0",
            "594d5101 4100000000000000 31323334357c776f726b65725f6d616e616765725f6f63695f6870637c36626439636538352d"
                + "613333622d343264332d393363302d343230663431313132616430"
        ),
        (
            .two, "12345|worker_manager_oci_hpc|6bd9ce85-a33b-42d3-93c0-420f41112ad0",
            "594d5102 4100000000000000 31323334357c776f726b65725f6d616e616765725f6f63695f6870637c36626439636538352d"
                + "613333622d343264332d393363302d343230663431313132616430"
        ),
    ]

    @Test(arguments: hellos)
    func `a hello has the bytes of the real library and is read back`(
        _ version: YMQVersion,
        _ identity: String,
        _ hexadecimal: String
    ) throws {
        let identity = Array(identity.utf8)
        let hello = YMQFraming.hello(version, identity: identity)
        #expect(hello == bytes(hexadecimal))
        var framing = YMQFraming()
        framing.feed(hello)
        #expect(try framing.next() == .hello(version, identity: identity))
        #expect(try framing.next() == nil)
    }

    @Test(arguments: [("", "0000000000000000"), ("68656c6c6f", "0500000000000000 68656c6c6f")])
    func `a frame has the bytes of the real library`(_ payload: String, _ hexadecimal: String) {
        let payload = bytes(payload)
        #expect(YMQFraming.header(byteCount: payload.count) + payload == bytes(hexadecimal))
    }

    @Test func `a stream cut at any position means the same`() throws {
        let expected = try Transcript(feeding: [sample])
        #expect(expected.messages == sampleMessages)
        for cut in 0...sample.count {
            #expect(try Transcript(feeding: [Array(sample[..<cut]), Array(sample[cut...])]) == expected)
        }
    }

    @Test func `a stream fed byte by byte means the same`() throws {
        #expect(try Transcript(feeding: sample.map { [$0] }) == Transcript(feeding: [sample]))
    }

    @Test func `a stream that ends anywhere but between items is known to be unfinished`() throws {
        // Nothing has begun at 0; the other borders follow hello and each message.
        var borders = [0, 12 + 3]
        for message in sampleMessages { borders.append((borders.last ?? 0) + 8 + message.count) }
        for length in 0...sample.count {
            var framing = YMQFraming()
            framing.feed(Array(sample[..<length]))
            while try framing.next() != nil {}
            #expect(framing.isInsideItem == !borders.contains(length))
        }
    }

    @Test(arguments: [1_001, 1 << 32, 1 << 62, UInt64(1) << 63, UInt64.max])
    func `a length over the limit is a typed error, at once and for ever`(_ announced: UInt64) throws {
        let limits = LinkLimits(messageBytesMax: 1_000, identityBytesMax: 1_000)
        let length = (0..<8).map { UInt8(truncatingIfNeeded: announced >> (8 * $0)) }
        var framing = YMQFraming(limits)
        framing.feed(YMQFraming.hello(.two, identity: []) + length)
        _ = try framing.next()
        let tooLong = MessagingError.messageTooLong(announced: announced, byteCountMax: 1_000)
        #expect(throws: tooLong) { try framing.next() }
        framing.feed([1, 2, 3])
        #expect(throws: tooLong) { try framing.next() }
        var greeting = YMQFraming(limits)
        greeting.feed(Array("YMQ".utf8) + [1] + length)
        #expect(throws: MessagingError.identityTooLong(announced: announced, byteCountMax: 1_000)) {
            try greeting.next()
        }
    }

    @Test func `lengths at the limit pass`() throws {
        let limits = LinkLimits(messageBytesMax: 1_000, identityBytesMax: 10)
        let message = pattern(1_000)
        let stream =
            YMQFraming.hello(.one, identity: pattern(10)) + YMQFraming.header(byteCount: 1_000) + message
        #expect(try Transcript(feeding: [stream], limits).messages == [message])
    }

    @Test(arguments: ["HTTP/1.1 400 Bad Request", "YMQ\u{3}", "YMQ\u{0}", "Y?", "SSH-2.0", "\u{1}"])
    func `a magic is judged as soon as it differs`(_ greeting: String) {
        var framing = YMQFraming()
        framing.feed(Array(greeting.utf8))
        #expect(throws: MessagingError.unexpectedMagic(Array(greeting.utf8.prefix(4)))) { try framing.next() }
    }

    @Test func `nothing is reserved for bytes that are only promised`() {
        var assembly = MessageAssembly(byteCount: 1 << 40)
        assembly.append(pattern(100)[...])
        #expect(assembly.take().capacity < 1_000)
    }

    @Test func `a message put together from parts has no spare capacity`() {
        let message = pattern(1_000_000)
        var assembly = MessageAssembly(byteCount: message.count)
        for start in stride(from: 0, to: message.count, by: 1_000) {
            assembly.append(message[start..<start + 1_000])
        }
        let result = assembly.take()
        #expect(result == message)
        // The allocator rounds up to whole pages.
        #expect(result.capacity < message.count + 4096)
    }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func `mutated streams give events or a typed error, and never more bytes than were fed`(_ seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var stream = sample
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let index = Int.random(in: 0..<stream.count, using: &random)
            switch Int.random(in: 0..<3, using: &random) {
            case 0: stream[index] = .random(in: 0...255, using: &random)
            case 1: stream.remove(at: index)
            default: stream.insert(.random(in: 0...255, using: &random), at: index)
            }
        }
        var pieces: [[UInt8]] = []
        while !stream.isEmpty {
            let count = Int.random(in: 1...stream.count, using: &random)
            pieces.append(Array(stream.prefix(count)))
            stream.removeFirst(count)
        }
        do throws(MessagingError) {
            let transcript = try Transcript(feeding: pieces, LinkLimits(messageBytesMax: 1 << 20))
            let receivedCount = transcript.messages.reduce(0) { $0 + $1.count }
            #expect(receivedCount <= pieces.reduce(0) { $0 + $1.count })
        } catch .messageTooLong, .identityTooLong, .unexpectedMagic {
            return
        } catch {
            Issue.record("seed \(seed): \(error)")
        }
    }
}

private let sampleMessages: [[UInt8]] = [[], [7], pattern(300), [], pattern(8)]

private let sample =
    YMQFraming.hello(.two, identity: [1, 2, 3])
    + sampleMessages.flatMap { YMQFraming.header(byteCount: $0.count) + $0 }

/// What a stream meant, with messages whole; parts of a message that did not end are its last.
private struct Transcript: Equatable {
    var version: YMQVersion?
    var identity: [UInt8] = []
    var messages: [[UInt8]] = []

    init(feeding pieces: [[UInt8]], _ limits: LinkLimits = LinkLimits()) throws(MessagingError) {
        var framing = YMQFraming(limits)
        for piece in pieces {
            framing.feed(piece)
            while let event = try framing.next() { add(event) }
        }
    }

    private mutating func add(_ event: YMQFraming.Event) {
        switch event {
        case .hello(let version, let identity):
            self.version = version
            self.identity = identity
        case .began: messages.append([])
        case .part(let bytes): messages[messages.count - 1] += bytes
        case .ended: break
        }
    }
}

/// Reads hexadecimal digits, skipping spaces.
private func bytes(_ hexadecimal: String) -> [UInt8] {
    let digits = hexadecimal.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}
