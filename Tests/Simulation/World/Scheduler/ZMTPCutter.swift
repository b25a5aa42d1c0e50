// SPDX-License-Identifier: Apache-2.0

internal import Encodings

/// ZMTP 3 as a ROUTER of libzmq reads and writes it: greetings of 64 bytes, a READY each, then frames whose length has one
/// byte or eight, big endian (scaler-wire, 1).
///
/// Stricter than the server: what a DEALER of Scaler's would not send is a defect of the daemon.
struct ZMTPCutter {
    /// Longer messages nobody here has a reason for.
    private static let messageByteCountMax: UInt64 = 1 << 30
    private static let greetingByteCount = 64

    /// What the bytes so far contain.
    enum Item {
        case greeting
        case ready(identity: [UInt8])
        case message([UInt8])
        /// What is wrong with the bytes.
        case defect(String)
    }

    private var isGreeted = false
    private var isReady = false
    private var arrived = ArrivedBytes()

    /// What the server says before it has heard anything.
    static let signature: [UInt8] = [0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F]
    /// What it says once it has heard the other's signature.
    static let restOfGreeting = [3, 1] + Array("NULL".utf8) + [UInt8](repeating: 0, count: 48)

    /// The READY of a ROUTER.
    static let ready: [UInt8] = {
        let body = Array("\u{5}READY\u{B}Socket-Type\0\0\0\u{6}ROUTER\u{8}Identity\0\0\0\0".utf8)
        return [4, UInt8(body.count)] + body
    }()

    /// A message, as it is sent.
    static func frame(_ message: [UInt8]) -> [UInt8] {
        message.count < 256
            ? [0, UInt8(message.count)] + message : [2] + bigEndianBytes(UInt64(message.count)) + message
    }

    /// Adds bytes that arrived.
    mutating func feed(_ bytes: [UInt8]) { arrived.feed(bytes) }

    /// The next whole item; nil when more bytes are needed.
    mutating func next() -> Item? {
        guard isGreeted else { return nextGreeting() }
        guard let (flags, body) = nextFrame() else { return nil }
        guard let body else { return .defect("a frame of a length beyond reason") }
        switch (isReady, flags & ~2) {
        case (false, 4): return ready(body)
        case (true, 0): return .message(body)
        default: return .defect("a frame of flags \(flags), \(isReady ? "after" : "before") READY")
        }
    }

    private mutating func nextGreeting() -> Item? {
        let seen = Array(arrived.rest.prefix(Self.greetingByteCount))
        let isRight =
            seen.isEmpty
            || seen[0] == 0xFF && (seen.count < 10 || seen[9] == 0x7F)
                && Self.restOfGreeting.starts(with: seen.dropFirst(10))
        guard isRight else { return .defect("a greeting of \(seen)") }
        guard seen.count == Self.greetingByteCount else { return nil }
        arrived.head += Self.greetingByteCount
        isGreeted = true
        return .greeting
    }

    private mutating func ready(_ body: [UInt8]) -> Item {
        isReady = true
        let start = Array("\u{5}READY\u{B}Socket-Type\0\0\0\u{6}DEALER\u{8}Identity".utf8)
        guard body.starts(with: start), body.count >= start.count + 4 else {
            return .defect("a READY of \(body)")
        }
        let identity = body.dropFirst(start.count + 4)
        guard bigEndian(body[start.count..<start.count + 4]) == identity.count else {
            return .defect("a READY of \(body)")
        }
        return .ready(identity: Array(identity))
    }

    /// Flags and body of a frame that is whole; no body if its length is beyond reason.
    private mutating func nextFrame() -> (flags: UInt8, body: [UInt8]?)? {
        guard arrived.head < arrived.bytes.count else { return nil }
        let flags = arrived.bytes[arrived.head]
        let start = arrived.head + (flags & 2 == 0 ? 2 : 9)
        guard arrived.bytes.count >= start else { return nil }
        let length = bigEndian(arrived.bytes[arrived.head + 1..<start])
        guard length <= Self.messageByteCountMax else { return (flags, nil) }
        let end = start + Int(length)
        guard arrived.bytes.count >= end else { return nil }
        arrived.head = end
        return (flags, Array(arrived.bytes[start..<end]))
    }
}
