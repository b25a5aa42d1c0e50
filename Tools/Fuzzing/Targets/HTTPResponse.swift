// SPDX-License-Identifier: Apache-2.0

import HTTPWire

/// Reads the input as the answer to a request, whole and byte by byte, and stops the process when the two differ.
///
/// The first byte chooses the method and whether the peer closes at the end. Traps and reads
/// out of bounds stop the process by themselves.
enum HTTPResponseFuzz {
    static func feed(_ input: [UInt8]) {
        guard let choice = input.first else { return }
        let answer = Array(input.dropFirst())
        let whole = reading(of: [answer], choice)
        let single = reading(of: answer.map { [$0] }, choice)
        insist(whole == single, "whole: \(whole), byte by byte: \(single)")
    }
}

/// Everything that a caller can learn from an answer, body parts joined.
private struct Reading: Equatable {
    var heads: [ResponseHead] = []
    var framing: BodyFraming?
    var body: [UInt8] = []
    var isEnded = false
    var error: HTTPWireError?
    var closeReason: ConnectionState.CloseReason?
    var delay: Duration?
}

private func reading(of pieces: [[UInt8]], _ choice: UInt8) -> Reading {
    let method = ["GET", "HEAD", "CONNECT", "PUT"][Int(choice & 3)]
    var parser = ResponseParser(answering: method)
    var reading = Reading()
    do {
        for piece in pieces {
            parser.feed(piece)
            try drain(&parser, into: &reading)
        }
        if choice & 4 != 0 { parser.feedEnd() }
        try drain(&parser, into: &reading)
        reading.closeReason = closeReason(method, reading, parser.extraByteCount)
        reading.delay = reading.heads.last?.headers.retryAfter(now: 1_000_000_000, atMost: .seconds(60))
    } catch {
        reading.error = error
        // What of the body was handed out before the error depends on the pieces; the error does not.
        reading.body = []
    }
    return reading
}

private func drain(_ parser: inout ResponseParser, into reading: inout Reading) throws(HTTPWireError) {
    while true {
        switch try parser.next() {
        case .needMore: return
        case .interim(let head): reading.heads.append(head)
        case .head(let head, let framing):
            reading.heads.append(head)
            reading.framing = framing
        case .bodyPart(let bytes):
            insist(!bytes.isEmpty, "a part without bytes reads as the end")
            reading.body += bytes
        case .end:
            reading.isEnded = true
            return
        }
    }
}

private func closeReason(
    _ method: String,
    _ reading: Reading,
    _ extraByteCount: Int
) -> ConnectionState.CloseReason? {
    guard let head = reading.heads.last, let framing = reading.framing else { return nil }
    var state = ConnectionState.idle
    state.requestStarted(RequestHead(method: method, target: "/", headers: ["host": "h"]))
    state.requestSent()
    state.headReceived(head, framing)
    if reading.isEnded { state.responseEnded(extraByteCount: extraByteCount) }
    return state.closeReason
}
