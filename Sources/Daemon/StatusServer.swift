// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import EventLoop
internal import HTTPWire
internal import Logging
internal import Reporting
internal import Transport

/// What a path of the status server answers with.
struct StatusPage {
    let status: Int
    let text: String
    var contentType = "text/plain; charset=utf-8"
    /// Fields of the response's head that others do not have.
    var fields: [(name: String, value: String)] = []

    private var reason: String {
        switch status {
        case 200: "OK"
        case 400: "Bad Request"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 421: "Misdirected Request"
        case 431: "Request Header Fields Too Large"
        default: "Service Unavailable"
        }
    }

    /// The page as a response that ends its connection (RFC 9112); a HEAD is answered without the body.
    func encoded(withBody: Bool) -> [UInt8] {
        let more = fields.map { "\($0.name): \($0.value)\r\n" }.joined()
        let head = """
            HTTP/1.1 \(status) \(reason)\r
            Content-Type: \(contentType)\r
            Content-Length: \(text.utf8.count)\r
            Cache-Control: no-store\r
            X-Content-Type-Options: nosniff\r
            \(more)\(status == 405 ? "Allow: GET, HEAD\r\n" : "")Connection: close\r
            \r\n
            """
        return Array((withBody ? head + text : head).utf8)
    }
}

/// Serves a few pages of plain text to probes and to Prometheus: one request a connection, heads only.
///
/// A probe must be answered however many others hold connections open and say nothing: when there are too many, the
/// oldest makes room.
@LoopActor
final class StatusServer {
    /// Gives what is at a path for a client that takes these media types; nil where there is nothing.
    typealias Page = @LoopActor (_ path: String, _ accept: String) -> StatusPage?

    static let connectionCountMax = 16
    /// Time for one connection from its first byte to its last.
    private static let connectionTimeout: Duration = .seconds(5)

    private let listener: TCPListener
    /// Nil for a Unix socket, which no browser reaches.
    private let hosts: StatusHosts?
    private let page: Page
    private let log: Logger
    /// The connections that are served, oldest first, under a number of their own.
    private var connections: [(number: Int, work: Spawned<Void>)] = []
    private var connectionNumber = 0
    private let warning: ThrottledWarning

    /// Listens at once, so that a bad address is known at the start.
    init(
        at address: StatusAddress,
        log: Logger,
        page: @escaping Page
    ) async throws(TransportError) {
        listener = try TCPListener(at: try await Self.socketAddress(address))
        hosts =
            if case .tcp(let host, _) = address {
                StatusHosts(ownNames: [host, ProcessIdentity.hostName])
            } else { nil }
        self.page = page
        self.log = log
        warning = ThrottledWarning(
            "cannot accept a status connection; trying again",
            recovery: "status connections are accepted again",
            log: log
        )
        log.info("status is served", metadata: ["address": "\(listener.address)"])
    }

    var address: SocketAddress { listener.address }

    func run() async {
        defer {
            listener.close()
            for connection in connections { connection.work.cancel() }
        }
        while !isCancelled {
            do throws(TransportError) {
                begin(try await listener.accept())
                warning.ended()
            } catch {
                if case .cancelled = error { return }
                // Out of descriptors, as a rule: they come back when others are done.
                warning.occurred(["error": "\(error)"])
                guard (try? await sleep(for: .seconds(1))) != nil else { return }
            }
        }
    }

    private func begin(_ stream: TCPStream) {
        if connections.count >= Self.connectionCountMax { connections.removeFirst().work.cancel() }
        connectionNumber += 1
        let number = connectionNumber
        let work = spawn {
            await self.serve(stream)
            self.connections.removeAll { $0.number == number }
        }
        connections.append((number, work))
    }

    private func serve(_ stream: TCPStream) async {
        let deadline = Deadline.after(Self.connectionTimeout)
        do throws(TransportError) {
            var head = StatusRequestHead()
            while !head.isWhole {
                let more = try await stream.read(upTo: StatusRequestHead.byteCountMax, deadline: deadline)
                if more.isEmpty { break }
                head.append(more)
            }
            if !head.isEmpty { try await stream.write(answer(to: head), deadline: deadline) }
            await stream.finish(deadline: deadline)
        } catch {
            stream.close()
        }
    }

    private func answer(to head: StatusRequestHead) -> [UInt8] {
        switch head.request {
        case .get(let path): found(path, head).encoded(withBody: true)
        case .head(let path): found(path, head).encoded(withBody: false)
        case .otherMethod:
            StatusPage(status: 405, text: "only GET and HEAD are answered\n").encoded(withBody: true)
        case .tooLarge:
            StatusPage(status: 431, text: "the request's head is too large\n").encoded(withBody: true)
        case .notHTTP: StatusPage(status: 400, text: "this is no HTTP request\n").encoded(withBody: true)
        }
    }

    private func found(_ path: String, _ head: StatusRequestHead) -> StatusPage {
        if let hosts, !head.hosts.allSatisfy(hosts.admit) {
            return StatusPage(status: 421, text: "ask by address, or by a name that no stranger can own\n")
        }
        return page(path, head.accept)
            ?? StatusPage(
                status: 404,
                text: "no such page; there are /, /livez, /readyz, /metrics, /status.json, /history.json\n"
            )
    }

    private static func socketAddress(_ address: StatusAddress) async throws(TransportError) -> SocketAddress
    {
        switch address {
        case .unix(let path): return .unix(path: path)
        case .tcp(let host, let port):
            // It never resolves to nothing without an error.
            return try await resolve(host, port: port, deadline: .after(.seconds(10)))[0]
        }
    }
}
