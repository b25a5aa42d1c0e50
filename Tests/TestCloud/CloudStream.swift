// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Transport

/// A client's connection to a `TestCloud`: what is written is read as requests, and their answers can be read.
@LoopActor
final class CloudStream: ByteStream {
    private let cloud: TestCloud
    private var written: [UInt8] = []
    private var readable: [UInt8] = []
    private var isContinued = false
    private var isEnded = false
    private var isClosed = false
    private let arrival = Wakeup()

    init(_ cloud: TestCloud) {
        self.cloud = cloud
    }

    var isIdleAndOpen: Bool { !isEnded && !isClosed && readable.isEmpty }

    func read(upTo maximumCount: Int, deadline: Deadline) async throws(TransportError) -> [UInt8] {
        while readable.isEmpty {
            if isClosed { throw .closed }
            if isEnded { return [] }
            do throws(WaitError) { try await arrival.wait(until: deadline) } catch {
                throw error == .cancelled ? .cancelled : .deadlinePassed(.read)
            }
        }
        let part = Array(readable.prefix(maximumCount))
        readable.removeFirst(part.count)
        return part
    }

    func write(_ bytes: [UInt8], deadline: Deadline) async throws(TransportError) {
        if isClosed { throw .closed }
        written += bytes
        let mark = Array("\r\n\r\n".utf8)
        while let end = written.firstRange(of: mark) {
            let head = CloudRequest.Head(String(decoding: written[..<end.lowerBound], as: UTF8.self))
            let count = head.fields["content-length"].flatMap { Int($0) } ?? 0
            guard written.count >= end.upperBound + count else {
                if head.fields["expect"] != nil, !isContinued {
                    isContinued = true
                    deliver(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
                }
                return
            }
            let body = Array(written[end.upperBound..<end.upperBound + count])
            written.removeFirst(end.upperBound + count)
            isContinued = false
            if let request = CloudRequest(head, body) {
                cloud.receive(request, from: self)
            } else {
                deliver(CloudAnswer.error(501, "NotImplemented").bytes)
            }
        }
    }

    func finish(deadline: Deadline) async { close() }

    func close() {
        isClosed = true
        arrival.ring()
    }

    /// Lets the client read these bytes.
    func deliver(_ bytes: [UInt8]) {
        readable += bytes
        arrival.ring()
    }

    /// Ends the stream after what was delivered.
    func end() {
        isEnded = true
        arrival.ring()
    }
}
