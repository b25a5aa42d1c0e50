// SPDX-License-Identifier: Apache-2.0

internal import Encodings
internal import SchedulerMessages

/// YMQ as both ends write it: a hello of magic, length and identity, then messages of length and payload; lengths are
/// eight bytes, little endian.
///
/// Stricter than the server: what it cannot read is a defect of the daemon.
struct YMQCutter {
    /// Longer identities and messages than these nobody here has a reason for.
    private static let identityByteCountMax = 4096
    private static let messageByteCountMax: UInt64 = 1 << 30

    /// What the bytes so far contain.
    enum Item {
        case hello(identity: [UInt8])
        case message([UInt8])
        /// What is wrong with the bytes.
        case defect(String)
    }

    private let generation: WireGeneration
    private var isGreeted = false
    private var arrived = ArrivedBytes()

    /// A reader for a connection on which nothing has arrived.
    init(_ generation: WireGeneration) { self.generation = generation }

    /// The magic of a generation.
    static func magic(_ generation: WireGeneration) -> [UInt8] { Array("YMQ".utf8) + [generation.rawValue] }

    /// A hello, as it is sent.
    static func hello(_ generation: WireGeneration, identity: [UInt8]) -> [UInt8] {
        magic(generation) + frame(identity)
    }

    /// A message, as it is sent.
    static func frame(_ message: [UInt8]) -> [UInt8] { littleEndianBytes(UInt64(message.count)) + message }

    /// Adds bytes that arrived.
    mutating func feed(_ bytes: [UInt8]) { arrived.feed(bytes) }

    /// The next whole item; nil when more bytes are needed.
    mutating func next() -> Item? {
        isGreeted ? nextMessage() : nextHello()
    }

    private mutating func nextHello() -> Item? {
        let magic = Self.magic(generation)
        let seen = arrived.rest.prefix(4)
        guard magic.starts(with: seen) else { return .defect("the magic \(Array(seen)) is not the server's") }
        guard let identity = payload(at: arrived.head + 4, limit: UInt64(Self.identityByteCountMax)) else {
            return nil
        }
        guard case .message(let bytes) = identity else { return identity }
        isGreeted = true
        return .hello(identity: bytes)
    }

    private mutating func nextMessage() -> Item? {
        payload(at: arrived.head, limit: Self.messageByteCountMax)
    }

    private mutating func payload(at start: Int, limit: UInt64) -> Item? {
        guard arrived.bytes.count - start >= 8 else { return nil }
        let length = littleEndian(arrived.bytes[start..<start + 8])
        guard length <= limit else { return .defect("a length of \(length) bytes") }
        let end = start + 8 + Int(length)
        guard arrived.bytes.count >= end else { return nil }
        arrived.head = end
        return .message(Array(arrived.bytes[start + 8..<end]))
    }
}
