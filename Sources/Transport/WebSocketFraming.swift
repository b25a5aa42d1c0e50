// SPDX-License-Identifier: Apache-2.0
//
// WebSocket frames (RFC 6455 section 5), as far as a client needs them whose messages are a stream of bytes:
//
//     frame := FIN RSV(3) opcode(4) | MASK length(7) [length(16 or 64, big endian)] [key(4)] payload
//
// Rule: the borders of frames and messages mean nothing to YMQ, and a frame may announce 2^63 bytes.
// Consequence: bytes of a frame are handed on as they come, and nothing is kept but a frame's head and the at most 125
// bytes of a control frame. Rejected: putting frames or messages together, which is what lets a peer fill the memory.

/// Why a WebSocket peer was given up (RFC 6455).
package enum WebSocketFault: Error, Sendable, Equatable, CustomStringConvertible {
    /// The answer to the request to switch protocols is no HTTP/1.1.
    case noHTTP
    /// The peer answered with another status than 101.
    case refused(status: String)
    /// The answer's head is malformed, or has more bytes than the limit.
    case malformedAnswer
    /// The peer did not prove that it read this request (section 4.1).
    case wrongAccept
    /// The peer chose an extension or a protocol that nobody offered.
    case unofferedChoice
    /// Bits that only extensions give a meaning, or an opcode without one.
    case reserved
    /// A server must not mask its frames (section 5.1).
    case masked
    /// The stream is in binary messages; text is none of it.
    case text
    /// A control frame of more than 125 bytes, in fragments, or of an impossible length (section 5.5).
    case malformedControl
    /// A continuation of nothing, or a message inside another one (section 5.4).
    case misplacedFragment
    /// A length in more bytes than it needs, or above 2^63 - 1 (section 5.2).
    case malformedLength

    package var description: String {
        switch self {
        case .noHTTP: "the peer does not speak HTTP, so no WebSocket either"
        case .refused(let status): "the peer answered HTTP status \(status) in place of 101"
        case .malformedAnswer: "the peer's answer to the upgrade is malformed or too long"
        case .wrongAccept: "the peer's answer does not belong to the request to upgrade"
        case .unofferedChoice: "the peer chose an extension or protocol that was not offered"
        case .reserved: "a frame with bits or a type that have no meaning"
        case .masked: "a masked frame from a server"
        case .text: "a text message where bytes are due"
        case .malformedControl: "a malformed control frame"
        case .misplacedFragment: "a fragment out of place"
        case .malformedLength: "a malformed length"
        }
    }
}

/// Cuts the bytes of a WebSocket server into the stream that they carry and what has to be answered.
package struct WebSocketFraming: Sendable {
    /// What the bytes so far mean.
    package enum Event: Equatable, Sendable {
        /// The next bytes of the stream, at least one.
        case bytes(ArraySlice<UInt8>)
        /// To be answered with a pong that has the same bytes.
        case ping([UInt8])
        /// The peer ends the connection, for a reason in two bytes or none; nothing that follows has a meaning.
        case close(reason: [UInt8])
    }

    private enum State {
        /// Between frames. To `payload` or `control`, or to `failed` by a head that no server may send.
        case head
        /// Inside a data frame. To `head` when nothing remains.
        case payload(remaining: UInt64)
        /// Inside a control frame. To `head` once it is whole, after a close to `closed`.
        case control(WebSocketOpcode, byteCount: Int)
        /// Final: the peer has said that it is done.
        case closed
        /// Final: what follows has no meaning.
        case failed(WebSocketFault)
    }

    private var state = State.head
    private var unread: ArraySlice<UInt8> = []
    /// Whether a message has begun whose last fragment has not come.
    private var isInsideMessage = false

    /// Makes a reader that expects the first frame.
    package init() {}

    /// Adds bytes from the peer; costs no more than their number if `next` is asked until nil in between.
    package mutating func feed(_ bytes: [UInt8]) {
        unread = unread.isEmpty ? bytes[...] : Array(unread + bytes)[...]
    }

    /// The next event, of `byteCountMax` bytes of the stream at most; nil when more bytes are needed for one.
    ///
    /// What it throws it throws for ever.
    package mutating func next(upTo byteCountMax: Int) throws(WebSocketFault) -> Event? {
        do throws(WebSocketFault) {
            return try advance(byteCountMax)
        } catch {
            state = .failed(error)
            throw error
        }
    }

    private mutating func advance(_ byteCountMax: Int) throws(WebSocketFault) -> Event? {
        while true {
            switch state {
            case .head:
                guard let head = try WebSocketHead(unread) else { return nil }
                unread = unread.dropFirst(head.byteCount)
                try begin(head)
            case .payload(remaining: 0): state = .head
            case .payload(let remaining):
                let available = min(unread.count, byteCountMax)
                if available == 0 { return nil }
                let count = Int(min(UInt64(available), remaining))
                state = .payload(remaining: remaining - UInt64(count))
                defer { unread = unread.dropFirst(count) }
                return .bytes(unread.prefix(count))
            case .control(let opcode, let byteCount):
                guard unread.count >= byteCount else { return nil }
                let payload = Array(unread.prefix(byteCount))
                unread = unread.dropFirst(byteCount)
                state = opcode == .close ? .closed : .head
                if opcode == .ping { return .ping(payload) }
                if opcode == .close { return .close(reason: Array(payload.prefix(2))) }
            case .closed: return nil
            case .failed(let fault): throw fault
            }
        }
    }

    private mutating func begin(_ head: WebSocketHead) throws(WebSocketFault) {
        switch head.opcode {
        case .text: throw .text
        case .binary where isInsideMessage, .continuation where !isInsideMessage: throw .misplacedFragment
        case .binary, .continuation:
            isInsideMessage = !head.isFinal
            state = .payload(remaining: head.payloadByteCount)
        case .close, .ping, .pong:
            // A close has a reason of two bytes or none (section 5.5.1).
            let isHalfReason = head.opcode == .close && head.payloadByteCount == 1
            guard head.isFinal, head.payloadByteCount <= 125, !isHalfReason else { throw .malformedControl }
            state = .control(head.opcode, byteCount: Int(head.payloadByteCount))
        }
    }
}

/// The types of frames (RFC 6455 section 5.2).
package enum WebSocketOpcode: UInt8, Sendable {
    /// More of the message before.
    case continuation = 0
    case text = 1
    case binary = 2
    case close = 8
    case ping = 9
    case pong = 10

    /// A client's frame of this type, whole in itself; `key` has the four random bytes that mask it (section 5.3).
    package func frame(_ payload: ArraySlice<UInt8>, key: [UInt8]) -> [UInt8] {
        precondition(key.count == 4, "a mask has four bytes")
        var head = [0x80 | rawValue]
        switch payload.count {
        case ...125: head.append(0x80 | UInt8(payload.count))
        case ...0xFFFF: head += [0x80 | 126] + bigEndian(payload.count, byteCount: 2)
        default: head += [0x80 | 127] + bigEndian(payload.count, byteCount: 8)
        }
        head += key
        var masked = Array(payload)
        for index in masked.indices { masked[index] ^= key[index & 3] }
        return head + masked
    }

    private func bigEndian(_ number: Int, byteCount: Int) -> [UInt8] {
        (1...byteCount).map { UInt8(truncatingIfNeeded: number >> (8 * (byteCount - $0))) }
    }
}

/// What stands before a server's payload.
private struct WebSocketHead {
    let opcode: WebSocketOpcode
    let isFinal: Bool
    let payloadByteCount: UInt64
    let byteCount: Int

    /// Reads the head that `bytes` begin with; nil when it is not whole.
    init?(_ bytes: ArraySlice<UInt8>) throws(WebSocketFault) {
        guard let first = bytes.first else { return nil }
        guard first & 0x70 == 0, let opcode = WebSocketOpcode(rawValue: first & 0x0F) else { throw .reserved }
        (self.opcode, isFinal) = (opcode, first & 0x80 != 0)
        guard let second = bytes.dropFirst().first else { return nil }
        if second & 0x80 != 0 { throw .masked }
        let more = [126: 2, 127: 8][second] ?? 0
        byteCount = 2 + more
        guard bytes.count >= byteCount else { return nil }
        let length = bytes.dropFirst(2).prefix(more)
        payloadByteCount = more == 0 ? UInt64(second) : length.reduce(0) { $0 << 8 | UInt64($1) }
        let least: UInt64 = more == 8 ? 0x1_0000 : more == 2 ? 126 : 0
        guard payloadByteCount >= least, payloadByteCount < 1 << 63 else { throw .malformedLength }
    }
}
