// SPDX-License-Identifier: Apache-2.0

internal import Encodings

/// What a peer did that ZMTP 3 forbids, or that no scheduler's ROUTER does.
package enum ZMTPFault: Sendable, Equatable, CustomStringConvertible {
    /// It offers an older version; 0 stands for the first, which had no number.
    case version(UInt8)
    /// It wants this security mechanism, in ASCII with zeros behind it.
    case mechanism([UInt8])
    /// It is a socket of this type, or tells none.
    case socketType([UInt8])
    /// It refused this side, in its own words.
    case refused([UInt8])
    /// A frame has flags that have no meaning.
    case flags(UInt8)
    /// A message came before READY.
    case earlyMessage
    /// A command has no name, or not the parts that its name promises.
    case malformedCommand
    /// A command of this name came where it has no place.
    case misplacedCommand([UInt8])
    /// So many commands came, and no message among them.
    case commandFlood(count: Int)

    /// What is wrong, for people; the peer's own words stand as they came.
    package var description: String {
        switch self {
        case .version(let major): "it offers version \(major)"
        case .mechanism(let name): "it wants the security mechanism \(text(name)), not NULL"
        case .socketType(let type): "it is a socket of type \(text(type)), not ROUTER"
        case .refused(let reason): "it refused: \(text(reason))"
        case .flags(let flags): "a frame has the flags \(flags)"
        case .earlyMessage: "a message came before READY"
        case .malformedCommand: "a command is malformed"
        case .misplacedCommand(let name): "the command \(text(name)) has no place there"
        case .commandFlood(let count): "\(count) commands came without a message"
        }
    }

    private func text(_ bytes: [UInt8]) -> String {
        "'" + String(decoding: bytes.prefix(40).prefix { $0 != 0 }, as: UTF8.self) + "'"
    }
}

/// A command from the peer: `name-size name data` (RFC 37, "Formal Grammar").
enum ZMTPCommand: Equatable {
    /// With the value of its property Socket-Type; empty if it has none.
    case ready(socketType: [UInt8])
    case error(reason: [UInt8])
    case ping(context: [UInt8])
    /// One without a meaning for this side; to be passed over.
    case other(name: [UInt8])

    /// Bytes that a PING asks to have back, at most (RFC 37, "Connection Heartbeating").
    private static let contextBytesMax = 16

    /// Reads the body of a command's frame.
    init(reading body: ArraySlice<UInt8>) throws(MessagingError) {
        var rest = body
        guard let name = rest.takePrefixed(lengthBytes: 1), !name.isEmpty else {
            throw .zmtp(.malformedCommand)
        }
        switch String(decoding: name, as: UTF8.self) {
        case "READY": self = .ready(socketType: try Self.socketType(in: rest))
        case "ERROR":
            guard let reason = rest.takePrefixed(lengthBytes: 1) else { throw .zmtp(.malformedCommand) }
            self = .error(reason: Array(reason))
        case "PING":
            // Two bytes say how long the peer itself waits; this side relies on TCP's own probes.
            guard (2...2 + Self.contextBytesMax).contains(rest.count) else { throw .zmtp(.malformedCommand) }
            self = .ping(context: Array(rest.dropFirst(2)))
        default: self = .other(name: Array(name))
        }
    }

    /// Properties are a name and a value, each behind its length; names have no case.
    private static func socketType(in properties: ArraySlice<UInt8>) throws(MessagingError) -> [UInt8] {
        var rest = properties
        var type: [UInt8] = []
        while !rest.isEmpty {
            guard let name = rest.takePrefixed(lengthBytes: 1), !name.isEmpty,
                let value = rest.takePrefixed(lengthBytes: 4)
            else { throw .zmtp(.malformedCommand) }
            if String(decoding: name, as: UTF8.self).lowercased() == "socket-type" { type = Array(value) }
        }
        return type
    }

    /// The body of the READY that a DEALER of this identity sends.
    static func ready(identity: [UInt8]) -> [UInt8] {
        named("READY") + property("Socket-Type", Array("DEALER".utf8)) + property("Identity", identity)
    }

    /// The body of the answer to a PING.
    static func pong(context: [UInt8]) -> [UInt8] { named("PONG") + context }

    private static func named(_ name: String) -> [UInt8] { [UInt8(name.utf8.count)] + name.utf8 }

    private static func property(_ name: String, _ value: [UInt8]) -> [UInt8] {
        named(name) + bigEndianBytes(UInt32(value.count)) + value
    }
}

extension ArraySlice<UInt8> {
    /// Takes bytes that stand behind their number, which is big endian in so many bytes; nil if they are not all there.
    fileprivate mutating func takePrefixed(lengthBytes: Int) -> ArraySlice<UInt8>? {
        guard count >= lengthBytes else { return nil }
        let length = bigEndian(prefix(lengthBytes))
        guard length <= count - lengthBytes else { return nil }
        let taken = dropFirst(lengthBytes).prefix(Int(length))
        self = self[taken.endIndex...]
        return taken
    }
}
