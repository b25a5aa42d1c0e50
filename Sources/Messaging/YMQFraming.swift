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

/// Cuts the bytes of a YMQ connection into its hello and its messages.
package struct YMQFraming: Framing {
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

    private let limits: LinkLimits
    private var state = State.magic
    private var unread = UnreadBytes()

    /// Makes a reader that expects a hello.
    package init(_ limits: LinkLimits = LinkLimits()) { self.limits = limits }

    /// Adds bytes from the peer; costs no more than their number if `next` is asked until nil in between.
    package mutating func feed(_ bytes: [UInt8]) { unread.feed(bytes) }

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
        case .magic, .length: !unread.isEmpty
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
                guard let identity = unread.take(byteCount) else { return nil }
                state = .length
                return .hello(version, identity: Array(identity))
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
                guard !unread.isEmpty, let part = unread.take(min(remaining, unread.count)) else {
                    return nil
                }
                state = .body(remaining: remaining - part.count)
                return .part(part)
            case .failed(let error): throw error
            }
        }
    }

    /// Judges each byte as it comes: a peer of another kind may never send a fourth.
    private mutating func takeMagic() throws(MessagingError) -> YMQVersion? {
        let seen = unread.prefix(4)
        guard let version = YMQVersion.allCases.first(where: { $0.magic.starts(with: seen) }) else {
            throw .unexpectedMagic(Array(seen))
        }
        return unread.take(4) == nil ? nil : version
    }

    private mutating func takeLength() -> UInt64? { unread.take(8).map(littleEndian) }
}

extension YMQFraming {
    /// The bytes that open a connection.
    package static func hello(_ version: YMQVersion, identity: [UInt8]) -> [UInt8] {
        version.magic + header(byteCount: identity.count) + identity
    }

    /// The bytes before a message of `byteCount` bytes.
    package static func header(byteCount: Int) -> [UInt8] { littleEndianBytes(UInt64(byteCount)) }
}
