// SPDX-License-Identifier: Apache-2.0

internal import Encodings
internal import EventLoop
package import Transport

/// Why a message could not be sent or received.
package enum MessagingError: Error, Sendable, Equatable {
    /// The task that waited was cancelled.
    case cancelled
    /// The deadline passed first; the link can be used as before.
    case deadlinePassed
    case closed
    /// The peer ended the connection in order (FIN). Under YMQ that is deliberate, not a failure.
    case closedByPeer
    /// The connection broke: reset, timed out, or the network says no.
    case aborted(reason: String)
    /// No connection came about.
    case unreachable(Endpoint, reason: String)
    /// The peer accepted the connection and said nothing, where ZMTP and YMQ both speak unasked.
    case peerSilent(Endpoint)
    /// The peer's first bytes are those of another protocol, or of a YMQ version not known here.
    case unexpectedMagic([UInt8])
    /// The peer announced a message of more bytes than the limit.
    case messageTooLong(announced: UInt64, byteCountMax: Int)
    /// The peer breaks ZMTP, or is none that a DEALER can talk to.
    case zmtp(ZMTPFault)
    /// The peer breaks the rules of the WebSocket under its messages.
    case webSocket(WebSocketFault)
    /// A message that the peer began hardly comes any further.
    case messageStalled(byteCount: Int, announced: Int)
    /// The peer sent a message of more frames, or more bytes in them, than the limits (ZMTP).
    case tooManyFrames(count: Int, byteCount: Int)
    /// The peer announced an identity of more bytes than the limit.
    case identityTooLong(announced: UInt64, byteCountMax: Int)
    /// More bytes wait to be sent than the limit; the peer reads too slowly or not at all.
    case sendQueueFull(byteCountMax: Int)
    /// An identity must have 1 to 255 bytes (ZMTP) and be UTF-8 (Scaler).
    case invalidIdentity

    /// The same outcome of a wait, in this module's words.
    init(_ error: WaitError) {
        switch error {
        case .cancelled: self = .cancelled
        case .deadlinePassed: self = .deadlinePassed
        case .closed: self = .closed
        }
    }

    /// Whether a peer that was connected did what no scheduler does.
    package var isBreach: Bool {
        switch self {
        case .messageTooLong, .messageStalled, .tooManyFrames, .zmtp, .webSocket: true
        default: false
        }
    }
}

extension MessagingError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .cancelled: "cancelled"
        case .deadlinePassed: "the deadline passed"
        case .closed: "the link is closed"
        case .closedByPeer: "the peer closed the connection"
        case .aborted(let reason): "the connection broke: \(reason)"
        case .unreachable(let endpoint, let reason): "cannot connect to \(endpoint): \(reason)"
        case .peerSilent(let endpoint):
            "\(endpoint) accepts connections but says nothing; a Scaler scheduler or object storage server "
                + "speaks first, so another program may listen there, or the server hangs"
        case .unexpectedMagic(let bytes):
            "the peer speaks another protocol: its first bytes are \(Hexadecimal.encode(bytes, separator: " "))"
        case .messageTooLong(let announced, let byteCountMax):
            "the peer announced a message of \(announced) bytes; the limit is \(byteCountMax)"
        case .zmtp(let fault): "the peer does not speak ZMTP 3 as a scheduler does: \(fault)"
        case .webSocket(let fault): "the peer breaks the WebSocket's rules: \(fault)"
        case .messageStalled(let byteCount, let announced):
            "a message of \(announced) bytes stopped after \(byteCount), or comes too slowly"
        case .tooManyFrames(let count, let byteCount):
            "the peer sent a message of \(count) frames and more, \(byteCount) bytes so far; Scaler's have one"
        case .identityTooLong(let announced, let byteCountMax):
            "the peer announced an identity of \(announced) bytes; the limit is \(byteCountMax)"
        case .sendQueueFull(let byteCountMax): "more than \(byteCountMax) bytes wait to be sent"
        case .invalidIdentity: "an identity needs 1 to 255 bytes of UTF-8"
        }
    }
}
