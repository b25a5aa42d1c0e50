// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HTTPClient
import TestSupport
import Transport

/// A server on loopback that does to each connection what its script says.
@LoopActor
final class ScriptedServer {
    typealias Script = @LoopActor @Sendable (ServerConnection) async throws -> Void

    private let listener: TCPListener
    /// Every connection so far, in the order they came.
    private(set) var connections: [ServerConnection] = []

    /// Begins to accept.
    ///
    /// A script that throws, or returns, ends its connection.
    init(tls: TLSServerContext? = nil, _ script: @escaping Script) throws {
        listener = try loopbackListener()
        spawn { [listener] in
            while let stream = try? await listener.accept() {
                spawn { try? await self.serve(stream, tls, script) }
            }
        }
    }

    private func serve(_ plain: TCPStream, _ tls: TLSServerContext?, _ script: Script) async throws {
        var stream: any ByteStream = plain
        if let tls { stream = try await TLSServerStream.accept(over: plain, context: tls, deadline: soon) }
        let connection = ServerConnection(stream, index: connections.count)
        connections.append(connection)
        try? await script(connection)
        connection.close()
    }

    var secureOrigin: HTTPOrigin {
        HTTPOrigin(scheme: .https, host: "127.0.0.1", port: listener.address.port)
    }

    var origin: HTTPOrigin {
        HTTPOrigin(scheme: .http, host: "127.0.0.1", port: listener.address.port)
    }

    /// Everything received so far, over all connections.
    var requests: [ServerConnection.Request] { connections.flatMap(\.requests) }

    func close() {
        listener.close()
        for connection in connections { connection.close() }
    }
}

/// The server's end of one connection.
@LoopActor
final class ServerConnection {
    struct Request: Sendable {
        let head: String
        var body: [UInt8]

        var method: String { String(head.prefix { $0 != " " }) }

        func field(_ name: String) -> String? {
            head.split(separator: "\r\n").dropFirst()
                .first { $0.lowercased().hasPrefix(name + ":") }
                .map { String($0.dropFirst(name.count + 2)) }
        }
    }

    let index: Int
    private(set) var requests: [Request] = []
    /// Opens when the client has ended the connection.
    let ended = Latch()
    private let stream: any ByteStream
    private var buffer: [UInt8] = []

    init(_ stream: any ByteStream, index: Int) {
        self.stream = stream
        self.index = index
    }

    /// The next request with its body, or nil when the client has closed.
    func request() async throws -> Request? {
        guard let head = try await head() else { return nil }
        return Request(head: head.head, body: try await body(of: head))
    }

    /// The next head alone, or nil when the client has closed.
    func head() async throws -> Request? {
        while true {
            if let end = endOfHead() {
                let text = String(decoding: buffer[..<end], as: UTF8.self)
                buffer.removeFirst(end)
                let request = Request(head: text, body: [])
                requests.append(request)
                return request
            }
            guard try await receive() else { return nil }
        }
    }

    /// The body that a head announced.
    func body(of request: Request) async throws -> [UInt8] {
        let count = Int(request.field("content-length") ?? "0") ?? 0
        while buffer.count < count { guard try await receive() else { throw Ended() } }
        let body = Array(buffer[..<count])
        buffer.removeFirst(count)
        requests[requests.count - 1].body = body
        return body
    }

    func send(_ text: String) async throws {
        try await send(Array(text.utf8))
    }

    func send(_ bytes: [UInt8]) async throws {
        try await stream.write(bytes, deadline: soon)
    }

    /// Waits until the client ends the connection, and does not answer.
    func waitForEnd() async throws {
        while try await receive() {}
    }

    /// Says close_notify and closes.
    func finish() async {
        await stream.finish(deadline: soon)
        ended.open()
    }

    /// Hands everything on between the client and a server, in both directions.
    func relay(to origin: HTTPOrigin) async throws {
        let upstream = try await connectTCP(host: origin.host, port: origin.port, deadline: soon)
        let stream = stream
        spawn { await Self.copy(from: upstream, to: stream) }
        await Self.copy(from: stream, to: upstream)
    }

    private static func copy(from source: any ByteStream, to sink: any ByteStream) async {
        while let bytes = try? await source.read(upTo: 65_536, deadline: soon), !bytes.isEmpty {
            guard (try? await sink.write(bytes, deadline: soon)) != nil else { break }
        }
        sink.close()
    }

    func close() {
        stream.close()
        ended.open()
    }

    private func receive() async throws -> Bool {
        do {
            let bytes = try await stream.read(upTo: 65_536, deadline: soon)
            buffer += bytes
            if bytes.isEmpty { ended.open() }
            return !bytes.isEmpty
        } catch {
            ended.open()
            throw error
        }
    }

    private func endOfHead() -> Int? {
        let mark = Array("\r\n\r\n".utf8)
        return buffer.prefix(4096).firstRange(of: mark)?.upperBound
    }
}

struct Ended: Error {}

/// Connects to numeric addresses without TLS.
final class PlainConnector: Connector {
    func connect(
        to origin: HTTPOrigin,
        _ deadlines: HTTPDeadlines,
        until deadline: Deadline
    ) async throws(HTTPError) -> any ByteStream {
        do throws(TransportError) {
            return try await connectTCP(host: origin.host, port: origin.port, deadline: soon)
        } catch {
            throw .transport(error, .connect)
        }
    }
}

/// Runs a test against a server and a client, and closes both.
func withServer(
    connectionsPerHostMax: Int = 8,
    idleTime: Duration = .seconds(50),
    _ script: @escaping ScriptedServer.Script,
    test: @escaping @LoopActor @Sendable (HTTPClient, ScriptedServer) async throws -> Void
) async throws {
    try await onLoop {
        let server = try ScriptedServer(script)
        let client = HTTPClient(
            connector: PlainConnector(),
            connectionsPerHostMax: connectionsPerHostMax,
            idleTime: idleTime
        )
        defer {
            client.close()
            server.close()
        }
        try await test(client, server)
    }
}

/// Answers every request with that text.
func answering(_ text: String) -> ScriptedServer.Script {
    { connection in
        while try await connection.request() != nil { try await connection.send(text) }
    }
}

/// A short complete answer.
let okay = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

extension HTTPRequest {
    static let get = HTTPRequest(method: "GET", target: "/a?b")

    static func put(_ byteCount: Int) -> HTTPRequest {
        HTTPRequest(method: "PUT", target: "/o", body: Blob(pattern(byteCount)))
    }

    func with(_ change: (inout HTTPRequest) -> Void) -> HTTPRequest {
        var copy = self
        change(&copy)
        return copy
    }
}

private let block: [UInt8] = (0..<8191).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }

/// Bytes in which a lost or doubled piece shows.
func pattern(_ byteCount: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < byteCount { bytes += block }
    return Array(bytes.prefix(byteCount))
}

extension HTTPClient {
    /// The answer to a request.
    func answer(_ request: HTTPRequest, _ origin: HTTPOrigin) async throws -> HTTPResponse {
        try await self.request(request, to: origin)
    }

    /// The error of a request, nil if it was answered.
    func failure(_ request: HTTPRequest, _ origin: HTTPOrigin) async -> HTTPError? {
        do throws(HTTPError) {
            _ = try await self.request(request, to: origin)
            return nil
        } catch {
            return error
        }
    }
}

extension HTTPConnection {
    /// The error of an exchange, nil if there is an answer.
    func failure(_ request: HTTPRequest) async -> HTTPError? {
        do throws(HTTPError) {
            _ = try await exchange(request)
            return nil
        } catch {
            return error
        }
    }
}

extension HTTPError {
    /// What was being done; nil where it does not matter.
    var phase: HTTPPhase? {
        switch self {
        case .cancelled, .clientClosed: nil
        case .deadlinePassed(let phase), .transport(_, let phase), .wire(_, let phase): phase
        case .proxyRefused, .malformedProxy: .proxy
        }
    }
}
