// SPDX-License-Identifier: Apache-2.0

import HTTPWire
import TestSupport
import Testing

/// One answer of a server, byte for byte, and what we must make of it.
struct ResponseCase: Sendable, CustomTestStringConvertible {
    let name: String
    var method = "GET"
    let bytes: [UInt8]
    var isClosed = false
    let verdict: Result<Reading, HTTPWireError>

    var testDescription: String { name }

    /// An answer that must be read, and what it says.
    static func accept(
        _ name: String,
        _ text: String,
        method: String = "GET",
        closed: Bool = false,
        status: Int = 200,
        body: String = "",
        interim: [Int] = [],
        extra: Int = 0,
        then closeReason: ConnectionState.CloseReason? = nil
    ) -> ResponseCase {
        ResponseCase(
            name: name,
            method: method,
            bytes: Array(text.utf8),
            isClosed: closed,
            verdict: .success(
                Reading(
                    interim: interim,
                    status: status,
                    body: Array(body.utf8),
                    extraByteCount: extra,
                    closeReason: closeReason
                )
            )
        )
    }

    /// An answer that must be refused, and why.
    static func reject(
        _ name: String,
        _ text: String,
        method: String = "GET",
        closed: Bool = false,
        _ error: HTTPWireError
    ) -> ResponseCase {
        ResponseCase(
            name: name,
            method: method,
            bytes: Array(text.utf8),
            isClosed: closed,
            verdict: .failure(error)
        )
    }

    /// Feeds the answer in every way there is and compares each reading with the verdict.
    func check(sourceLocation: SourceLocation = #_sourceLocation) {
        for feeding in feedings(of: bytes) {
            let outcome = Reading.read(feeding.pieces, of: self)
            #expect(outcome == verdict, "\(name), fed \(feeding)", sourceLocation: sourceLocation)
        }
    }
}

/// What was understood of one answer.
struct Reading: Equatable, Sendable {
    var interim: [Int] = []
    var status = 0
    var body: [UInt8] = []
    var extraByteCount = 0
    var closeReason: ConnectionState.CloseReason?

    /// Reads an answer as the client does, and on to the last piece to see what comes after it.
    static func read(_ pieces: [[UInt8]], of given: ResponseCase) -> Result<Reading, HTTPWireError> {
        var parser = ResponseParser(answering: given.method)
        var connection = ConnectionState.idle
        connection.requestStarted(RequestHead(method: given.method, target: "/", headers: ["host": "h"]))
        connection.requestSent()
        var reading = Reading()
        do {
            for piece in pieces {
                parser.feed(piece)
                try reading.drain(&parser, &connection)
            }
            if given.isClosed { parser.feedEnd() }
            guard try reading.drain(&parser, &connection) else { return .success(Reading()) }
        } catch {
            #expect(throws: error, "an error must stay") { try parser.next() }
            return .failure(error)
        }
        reading.extraByteCount = parser.extraByteCount
        connection.responseEnded(extraByteCount: parser.extraByteCount)
        reading.closeReason = connection.closeReason
        return .success(reading)
    }

    /// Takes events until more is needed or the answer ended, and tells whether it did.
    @discardableResult
    private mutating func drain(
        _ parser: inout ResponseParser,
        _ connection: inout ConnectionState
    ) throws(HTTPWireError) -> Bool {
        while true {
            switch try parser.next() {
            case .needMore: return false
            case .interim(let head): interim.append(head.status)
            case .head(let head, let framing):
                status = head.status
                connection.headReceived(head, framing)
            case .bodyPart(let part):
                #expect(!part.isEmpty)
                body += part
            case .end: return true
            }
        }
    }
}

/// Reads one answer whole and gives its head.
func head(of text: String, method: String = "GET") throws -> ResponseHead {
    var parser = ResponseParser(answering: method)
    parser.feed(Array(text.utf8))
    guard case .head(let head, _) = try parser.next() else { throw NoHead() }
    return head
}

struct NoHead: Error {}
