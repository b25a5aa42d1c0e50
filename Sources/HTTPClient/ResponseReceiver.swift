// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import HTTPWire
internal import Transport

/// Reads from a stream until the parser has something to say.
@LoopActor
final class ResponseReceiver {
    /// Asked for in one read: a few TLS records.
    private static let readBytesMax = 64 * 1024

    private let stream: any ByteStream
    private var parser: ResponseParser

    /// A receiver of the answer to one request with that method.
    init(_ stream: any ByteStream, method: String) {
        self.stream = stream
        // The cap on the body depends on the status, so `BodyCollector` keeps it.
        parser = ResponseParser(answering: method)
    }

    /// Whether any byte of the answer came.
    var hasReceivedBytes: Bool { parser.hasReceivedBytes }
    /// Bytes beyond the end of the answer.
    var extraByteCount: Int { parser.extraByteCount }

    /// The next event that is not `needMore`; when the deadline passes nothing is lost: the next call goes on.
    func event(_ phase: HTTPPhase, until deadline: Deadline) async throws(HTTPError) -> ResponseParser.Event {
        while true {
            let event = try phase.duringStep { () throws(HTTPWireError) in try parser.next() }
            if event != .needMore { return event }
            let bytes = try await phase.during { () async throws(TransportError) in
                try await stream.read(upTo: Self.readBytesMax, deadline: deadline)
            }
            if bytes.isEmpty { parser.feedEnd() } else { parser.feed(bytes) }
        }
    }
}
