// SPDX-License-Identifier: Apache-2.0
//
// YMQ on the wire, both ways the same:
//
//     hello   := magic(4) length(8) identity(length)     once, unasked
//     message := length(8) payload(length)               any number
//
// Lengths are little endian. There is no checksum, flag or keep-alive; an empty message is a message.
// A length may be false: nothing is reserved for it before the bytes are there.

internal import Encodings

/// The version byte that ends YMQ's magic, which a connector mirrors.
package enum YMQVersion: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    /// Scaler 2.5.0 to 2.6.0.
    case one = 1
    /// Scaler 2.7.0 and later; both ends also use TCP keep-alive.
    case two = 2

    /// The four bytes that begin a connection.
    var magic: [UInt8] { [UInt8(ascii: "Y"), UInt8(ascii: "M"), UInt8(ascii: "Q"), rawValue] }

    /// The number.
    package var description: String { "\(rawValue)" }
}

/// How much a YMQ peer may make this side hold.
///
/// Upstream has no limit in either direction.
package struct YMQLimits: Sendable {
    let messageBytesMax: Int
    /// Bytes of the peer's identity; Scaler's own have under 100, ZMTP allows 255.
    let identityBytesMax: Int
    /// Bytes queued to be sent; one `send` may exceed it when nothing else waits.
    let sendQueueBytesMax: Int
    /// How long `progressByteCount` more bytes of a message that has begun may take, or its end.
    let progressTime: Duration

    /// So few bytes in `progressTime` are none: half a kilobyte a second with the default, where a slow line has 64.
    static let progressByteCount = 16 * 1024

    /// Makes limits; the defaults suit a scheduler and an object storage server.
    package init(
        messageBytesMax: Int = 1 << 30,
        identityBytesMax: Int = 4096,
        sendQueueBytesMax: Int = 64 << 20,
        progressTime: Duration = .seconds(30)
    ) {
        self.messageBytesMax = messageBytesMax
        self.identityBytesMax = identityBytesMax
        self.sendQueueBytesMax = sendQueueBytesMax
        self.progressTime = progressTime
    }
}

/// Cuts the bytes of a YMQ connection into its hello and its messages.
package struct YMQFraming: Sendable {
    /// What the bytes so far mean.
    package enum Event: Equatable, Sendable {
        /// The peer said who it is; the first event, once.
        case hello(YMQVersion, identity: [UInt8])
        /// A message of so many bytes begins.
        case began(byteCount: Int)
        /// The next bytes of the message, at least one.
        case part(ArraySlice<UInt8>)
        /// The message is complete.
        case ended
    }

    private enum State {
        /// Nothing understood yet. To `identityLength` by a known magic, to `failed` by any other byte.
        case magic
        /// To `identity`, or to `failed` by a length over the limit.
        case identityLength(YMQVersion)
        /// To `length` once the whole identity is there.
        case identity(YMQVersion, byteCount: Int)
        /// Between messages. To `body`, or to `failed` by a length over the limit.
        case length
        /// Inside a message. To `length` when nothing remains.
        case body(remaining: Int)
        /// Final: what follows has no meaning.
        case failed(MessagingError)
    }

    private let limits: YMQLimits
    private var state = State.magic
    private var buffer: [UInt8] = []
    /// Index of the first byte of `buffer` not yet understood.
    private var head = 0

    /// Makes a reader that expects a hello.
    package init(_ limits: YMQLimits = YMQLimits()) { self.limits = limits }

    /// Adds bytes from the peer; costs no more than their number if `next` is asked until nil in between.
    package mutating func feed(_ bytes: [UInt8]) {
        if head == buffer.count {
            buffer = bytes
        } else {
            buffer.removeSubrange(..<head)
            buffer += bytes
        }
        head = 0
    }

    /// The next event; nil when more bytes are needed for one.
    package mutating func next() throws(MessagingError) -> Event? {
        do throws(MessagingError) {
            return try advance()
        } catch {
            state = .failed(error)
            throw error
        }
    }

    /// Whether bytes of a hello or a message that is not complete were fed.
    package var isInsideItem: Bool {
        switch state {
        case .magic, .length: head < buffer.count
        case .identityLength, .identity, .body: true
        case .failed: false
        }
    }

    private mutating func advance() throws(MessagingError) -> Event? {
        while true {
            switch state {
            case .magic:
                guard let version = try takeMagic() else { return nil }
                state = .identityLength(version)
            case .identityLength(let version):
                guard let announced = takeLength() else { return nil }
                guard announced <= limits.identityBytesMax else {
                    throw .identityTooLong(announced: announced, byteCountMax: limits.identityBytesMax)
                }
                state = .identity(version, byteCount: Int(announced))
            case .identity(let version, let byteCount):
                guard buffer.count - head >= byteCount else { return nil }
                state = .length
                return .hello(version, identity: Array(take(byteCount)))
            case .length:
                guard let announced = takeLength() else { return nil }
                guard announced <= limits.messageBytesMax else {
                    throw .messageTooLong(announced: announced, byteCountMax: limits.messageBytesMax)
                }
                state = .body(remaining: Int(announced))
                return .began(byteCount: Int(announced))
            case .body(remaining: 0):
                state = .length
                return .ended
            case .body(let remaining):
                guard head < buffer.count else { return nil }
                let part = take(min(remaining, buffer.count - head))
                state = .body(remaining: remaining - part.count)
                return .part(part)
            case .failed(let error): throw error
            }
        }
    }

    /// Judges each byte as it comes: a peer of another kind may never send a fourth.
    private mutating func takeMagic() throws(MessagingError) -> YMQVersion? {
        let seen = buffer[head...].prefix(4)
        guard let version = YMQVersion.allCases.first(where: { $0.magic.starts(with: seen) }) else {
            throw .unexpectedMagic(Array(seen))
        }
        guard seen.count == 4 else { return nil }
        head += 4
        return version
    }

    private mutating func takeLength() -> UInt64? {
        guard buffer.count - head >= 8 else { return nil }
        return littleEndian(take(8))
    }

    private mutating func take(_ count: Int) -> ArraySlice<UInt8> {
        head += count
        return buffer[head - count..<head]
    }
}

extension YMQFraming {
    /// The bytes that open a connection.
    package static func hello(_ version: YMQVersion, identity: [UInt8]) -> [UInt8] {
        version.magic + header(byteCount: identity.count) + identity
    }

    /// The bytes before a message of `byteCount` bytes.
    package static func header(byteCount: Int) -> [UInt8] { littleEndianBytes(UInt64(byteCount)) }
}

/// A message that grows with the bytes received; the announced length alone reserves no memory.
package struct YMQAssembly: Sendable {
    /// How many bytes the message was announced with.
    let byteCount: Int
    private var bytes: [UInt8] = []

    /// Begins a message announced with `byteCount` bytes.
    package init(byteCount: Int) { self.byteCount = byteCount }

    /// Adds bytes; capacity is at most twice what was received, and at the end exactly the message.
    package mutating func append(_ part: ArraySlice<UInt8>) {
        let needed = bytes.count + part.count
        if needed > bytes.capacity { bytes.reserveCapacity(min(byteCount, 2 * needed)) }
        bytes += part
    }

    /// How many bytes were received so far.
    var receivedCount: Int { bytes.count }

    /// What was received so far.
    package consuming func take() -> [UInt8] { bytes }
}
