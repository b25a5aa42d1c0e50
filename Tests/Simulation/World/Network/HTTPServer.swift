// SPDX-License-Identifier: Apache-2.0

internal import Encodings
package import EventLoop

/// A request as the simulated services see it.
package struct SimulatedRequest: Sendable {
    /// Such as `GET`.
    package let method: String
    /// The path with its percent-encoding, without the query.
    package let path: String
    /// Decoded query parameters.
    package let query: [String: String]
    /// Header fields by lower-case name.
    package let fields: [String: String]
    /// The body.
    package let body: [UInt8]
    /// A number that the same request has in every run of the seed: how many requests came before it.
    package let number: UInt64
}

/// What a service answers.
package struct SimulatedAnswer: Sendable {
    /// HTTP status.
    package var status: Int
    /// Header fields besides `content-length`, `date` and `opc-request-id`.
    package var fields: [(name: String, value: String)] = []
    /// The body.
    package var body: [UInt8] = []

    /// An answer with a status, fields and a body.
    package init(_ status: Int, fields: [(name: String, value: String)] = [], body: [UInt8] = []) {
        self.status = status
        self.fields = fields
        self.body = body
    }
}

/// The server's side of HTTP/1.1 over simulated connections (RFC 9112): one request after the other on each.
///
/// Stricter than a real server: a request that it cannot read ends the run, for the daemon made it.
@LoopActor
package final class HTTPServer {
    private let simulation: Simulation
    /// Says how long the service takes and what it answers; called when the request has arrived.
    private let handle: @LoopActor (SimulatedRequest) -> SimulatedAnswer
    private let time: @LoopActor (SimulatedRequest) -> Duration
    private var requestCount: UInt64 = 0
    private var repeats = PromptRepeats()

    /// A server that answers with `handle` after `time`.
    package init(
        _ simulation: Simulation,
        time: @escaping @LoopActor (SimulatedRequest) -> Duration,
        handle: @escaping @LoopActor (SimulatedRequest) -> SimulatedAnswer
    ) {
        self.simulation = simulation
        self.time = time
        self.handle = handle
    }

    /// Serves a connection.
    package func accept(_ end: ServerEnd) {
        var buffer: [UInt8] = []
        var isContinued = false
        var exchangeCount = 0
        end.onBytes = { [unowned self, unowned end] bytes in
            if buffer.isEmpty { buffer = bytes } else { buffer += bytes }
            while let head = RequestHead.read(buffer, simulation) {
                if buffer.count < head.byteCount + head.bodyByteCount {
                    if head.fields["expect"] == "100-continue", !isContinued {
                        isContinued = true
                        end.send(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
                    }
                    return
                }
                let body = Array(buffer[head.byteCount..<head.byteCount + head.bodyByteCount])
                buffer.removeFirst(head.byteCount + head.bodyByteCount)
                isContinued = false
                requestCount += 1
                exchangeCount += 1
                serve(head.request(body, number: requestCount), on: end, isFirst: exchangeCount == 1)
            }
        }
    }

    private func serve(_ request: SimulatedRequest, on end: ServerEnd, isFirst: Bool) {
        let faults = simulation.faults
        let party = stableHash("\(request.method) \(request.path)".utf8, from: 0)
        repeats.arrived(request, simulation)
        if faults.strikes(.requestLost, party) {
            if isFirst { repeats.lost(request) }
            return end.reset()
        }
        var duration = time(request)
        if let share = faults.draw(.slow, party) { duration += .seconds(20 * share * share) }
        // The request is carried out somewhere within its time, not at its end.
        simulation.after(duration / 2) {
            let answer = self.handle(request)
            self.simulation.note("http", "answered", "\(answer.status) \(request.method) \(request.path)")
            if faults.strikes(.answerLost, party) {
                if isFirst { self.repeats.lost(request) }
                return end.reset()
            }
            let bytes = self.bytes(of: answer, to: request)
            self.simulation.after(duration / 2) {
                guard let share = faults.draw(.answerCut, party) else { return end.send(bytes) }
                end.send(Array(bytes.prefix(Int(Double(bytes.count) * share))))
                // A service resets what it cannot finish; a proxy may close it in order.
                let isOrderly = Int(share * 1000) % 2 == 0
                self.simulation.after(.milliseconds(50)) { isOrderly ? end.end() : end.reset() }
            }
        }
    }

    private func bytes(of answer: SimulatedAnswer, to request: SimulatedRequest) -> [UInt8] {
        let date = HTTPDate.format(secondsSinceEpoch: Int(simulation.serviceMilliseconds / 1000))
        var head = "HTTP/1.1 \(answer.status) X\r\ndate: \(date)\r\n"
        head += "opc-request-id: \(request.fields["opc-request-id"] ?? "none")\r\n"
        for field in answer.fields { head += "\(field.name): \(field.value)\r\n" }
        if answer.status != 204 { head += "content-length: \(answer.body.count)\r\n" }
        head += "\r\n"
        return Array(head.utf8) + (answer.status == 204 || request.method == "HEAD" ? [] : answer.body)
    }
}
