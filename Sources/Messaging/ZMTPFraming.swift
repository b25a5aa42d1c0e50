// SPDX-License-Identifier: Apache-2.0
//
// ZMTP 3.1 on the wire (rfc.zeromq.org/spec/37, and spec/23 for 3.0), as a DEALER without security reads and writes it:
//
//     greeting := FF padding(8) 7F major(1) minor(1) mechanism(20) as-server(1) filler(31)      once, both ways
//     frame    := flags(1) length(1) body(length)  |  flags(1) length(8) body(length)           any number
//     flags    := 1 more frames of the message follow, 2 the length has 8 bytes, 4 a command
//
// Lengths are big endian. The first command is READY, both ways, and before the peer's nothing else may be sent: a
// libzmq that has not sent its own yet ends the connection.
//
// Rule: a message may have any number of frames; Scaler's have one, and it drops others itself (scaler.io).
// Consequence: a message of several is passed over while it comes, and nothing of it is kept, so what is held is at most
// one message of one frame, as far as it has come. Frames and their bytes are counted all the same, for a peer that
// never comes to an end.
// Rejected: libzmq, which assembles the frames of a message in its pipe before it shows the first of them, answers PINGs
// without a bound, drops a connection for good without a word, and brings threads and libraries of its own.

internal import Encodings

/// Cuts the bytes of a ZMTP connection to a ROUTER into whole messages, and the commands that ask for something.
package struct ZMTPFraming: Framing {
    /// What the bytes so far mean.
    package enum Event: Equatable, Sendable {
        /// The peer is a ROUTER that takes messages now; the first event, once.
        case ready
        /// A message of one frame.
        case message([UInt8])
        /// The peer wants a PONG with these bytes.
        case ping(context: [UInt8])
    }

    private enum State {
        /// To `header` once the 64 bytes are there, or to `failed` by the first byte that is wrong.
        case greeting
        /// Between frames. To `command`, `frame` or `failed` by what the next one says of itself.
        case header
        /// Inside a command, which is read when it is whole. To `header`, or to `failed`.
        case command(byteCount: Int)
        /// Inside a frame of a message. To `header` when nothing remains.
        case frame(remaining: Int, hasMore: Bool)
        /// Final: what follows has no meaning.
        case failed(MessagingError)
    }

    /// So many frames a message may have that is passed over; ZMTP's own patterns need two or three.
    static let frameCountMax = 64
    /// A ROUTER's READY has 45 bytes and its identity.
    static let commandBytesMax = 4096
    /// So many commands may come without a message: an idle scheduler's PINGs between two echoes are far fewer.
    static let commandCountMax = 1000

    private let messageBytesMax: Int
    private var state = State.greeting
    private var unread = UnreadBytes()
    private var isReady = false
    /// The only frame of a message, as far as it has come.
    private var assembly: MessageAssembly?
    /// The frames of the message that is coming, and their bytes as announced.
    private var frames = (count: 0, byteCount: 0)
    private var commandCount = 0

    /// Makes a reader that expects a greeting.
    package init(_ limits: LinkLimits = LinkLimits()) { messageBytesMax = limits.messageBytesMax }

    /// Adds bytes from the peer; costs no more than their number if `next` is asked until nil in between.
    package mutating func feed(_ bytes: [UInt8]) { unread.feed(bytes) }

    /// The next event; nil when more bytes are needed for one.
    package mutating func next() throws(MessagingError) -> Event? {
        do throws(MessagingError) {
            return try advance()
        } catch {
            state = .failed(error)
            assembly = nil
            throw error
        }
    }

    /// How much has come of a greeting, command or message that is not complete, and how much was announced; nil
    /// between them.
    package var unfinished: (byteCount: Int, announced: Int)? {
        switch state {
        case .failed: nil
        case .greeting: unread.isEmpty ? nil : (unread.count, Self.greetingByteCount)
        case .header where unread.isEmpty && frames.count == 0: nil
        case .header: (frames.byteCount + unread.count, frames.byteCount)
        case .command(let byteCount): (unread.count, byteCount)
        case .frame(let remaining, _): (frames.byteCount - remaining, frames.byteCount)
        }
    }

    /// How much is held of a message; nothing of one of several frames.
    var heldByteCount: Int { assembly?.receivedCount ?? 0 }

    private mutating func advance() throws(MessagingError) -> Event? {
        while true {
            switch state {
            case .greeting:
                guard try takeGreeting() else { return nil }
                state = .header
            case .header:
                guard let begun = try takeHeader() else { return nil }
                state = begun
            case .command(let byteCount):
                guard let body = unread.take(byteCount) else { return nil }
                state = .header
                if let event = try obey(ZMTPCommand(reading: body)) { return event }
            case .frame(remaining: 0, let hasMore):
                state = .header
                if !hasMore, let message = endMessage() { return .message(message) }
            case .frame(let remaining, let hasMore):
                guard !unread.isEmpty, let part = unread.take(min(remaining, unread.count)) else {
                    return nil
                }
                assembly?.append(part)
                state = .frame(remaining: remaining - part.count, hasMore: hasMore)
            case .failed(let error): throw error
            }
        }
    }

    /// The message that is complete; nil for one of several frames.
    private mutating func endMessage() -> [UInt8]? {
        frames = (0, 0)
        guard let message = assembly?.take() else { return nil }
        assembly = nil
        commandCount = 0
        return message
    }
}

// MARK: - Greeting and frames

extension ZMTPFraming {
    private static let greetingByteCount = 64
    private static let mechanism = Array("NULL".utf8) + [UInt8](repeating: 0, count: 16)

    /// Judges each byte as it comes: a peer of another kind may never send 64.
    private mutating func takeGreeting() throws(MessagingError) -> Bool {
        let seen = Array(unread.prefix(Self.greetingByteCount))
        if let first = seen.first, first != 0xFF { throw .unexpectedMagic(Array(seen.prefix(4))) }
        if seen.count > 9, seen[9] != 0x7F { throw .zmtp(.version(0)) }
        // A later version speaks this one with whoever offers it.
        if seen.count > 10, seen[10] < 3 { throw .zmtp(.version(seen[10])) }
        if seen.count >= 32, Array(seen[12..<32]) != Self.mechanism {
            throw .zmtp(.mechanism(Array(seen[12..<32])))
        }
        return unread.take(Self.greetingByteCount) != nil
    }

    /// The state after a frame's flags and length; nil if they are not all there.
    private mutating func takeHeader() throws(MessagingError) -> State? {
        guard let flags = unread.first else { return nil }
        let (hasMore, isCommand) = (flags & 1 != 0, flags & 4 != 0)
        guard flags < 8, !(hasMore && isCommand) else { throw .zmtp(.flags(flags)) }
        guard let header = unread.take(flags & 2 == 0 ? 2 : 9) else { return nil }
        let announced = bigEndian(header.dropFirst())
        if isCommand { return try beginCommand(announced) }
        return try beginFrame(announced, hasMore: hasMore)
    }

    private mutating func beginCommand(_ announced: UInt64) throws(MessagingError) -> State {
        guard announced <= Self.commandBytesMax else {
            throw .messageTooLong(announced: announced, byteCountMax: Self.commandBytesMax)
        }
        commandCount += 1
        guard commandCount <= Self.commandCountMax else { throw .zmtp(.commandFlood(count: commandCount)) }
        return .command(byteCount: Int(announced))
    }

    private mutating func beginFrame(_ announced: UInt64, hasMore: Bool) throws(MessagingError) -> State {
        guard isReady else { throw .zmtp(.earlyMessage) }
        guard announced <= messageBytesMax else {
            throw .messageTooLong(announced: announced, byteCountMax: messageBytesMax)
        }
        let byteCount = Int(announced)
        frames = (frames.count + 1, frames.byteCount + byteCount)
        guard frames.count <= Self.frameCountMax, frames.byteCount <= messageBytesMax else {
            throw .tooManyFrames(count: frames.count, byteCount: frames.byteCount)
        }
        if frames.count == 1, !hasMore { assembly = MessageAssembly(byteCount: byteCount) }
        return .frame(remaining: byteCount, hasMore: hasMore)
    }

    private mutating func obey(_ command: ZMTPCommand) throws(MessagingError) -> Event? {
        switch command {
        case .error(let reason): throw .zmtp(.refused(reason))
        case .ready(let socketType) where !isReady:
            guard socketType == Array("ROUTER".utf8) else { throw .zmtp(.socketType(socketType)) }
            isReady = true
            return .ready
        case .ready: throw .zmtp(.misplacedCommand(Array("READY".utf8)))
        case .ping(let context) where isReady: return .ping(context: context)
        case .ping: throw .zmtp(.misplacedCommand(Array("PING".utf8)))
        // RFC 37 wants unknown commands of the traffic ignored; a handshake is READY or ERROR.
        case .other(let name) where !isReady: throw .zmtp(.misplacedCommand(name))
        case .other: return nil
        }
    }
}

// MARK: - Writing

extension ZMTPFraming {
    /// The bytes that a DEALER opens a connection with: greeting and READY.
    ///
    /// The padding is not to be looked at, but libzmq fills it with a length that the first version would understand.
    package static func opening(identity: [UInt8]) -> [UInt8] {
        let ready = ZMTPCommand.ready(identity: identity)
        return [0xFF] + bigEndianBytes(UInt64(identity.count + 1)) + [0x7F, 3, 1] + mechanism
            + [UInt8](repeating: 0, count: 32) + header(byteCount: ready.count, flags: 4) + ready
    }

    /// The bytes before a message of `byteCount` bytes.
    package static func header(byteCount: Int) -> [UInt8] { header(byteCount: byteCount, flags: 0) }

    /// The answer to a PING.
    package static func pong(context: [UInt8]) -> [UInt8] {
        let pong = ZMTPCommand.pong(context: context)
        return header(byteCount: pong.count, flags: 4) + pong
    }

    private static func header(byteCount: Int, flags: UInt8) -> [UInt8] {
        byteCount <= 255
            ? [flags, UInt8(byteCount)] : [flags | 2] + bigEndianBytes(UInt64(byteCount))
    }
}
