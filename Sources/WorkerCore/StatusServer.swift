// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import EventLoop
internal import Logging
internal import Transport

/// What a path of the status server answers with.
struct StatusPage: Equatable {
    let status: Int
    let text: String
    var contentType = "text/plain; charset=utf-8"
}

/// Serves a few pages of plain text to probes and to Prometheus: one request a connection, heads only.
@LoopActor
final class StatusServer {
    /// Connections served at once; more wait in the kernel.
    private static let connectionCountMax = 16
    /// A request's head, all of it; probes send a tenth of that.
    private static let headBytesMax = 8192
    /// Time for one connection from its first byte to its last.
    private static let patience: Duration = .seconds(5)

    private let listener: TCPListener
    private let page: @LoopActor (String) -> StatusPage?
    private let log: Logger
    private var connectionCount = 0
    private let change = Wakeup()

    /// Listens at once, so that a bad address is known at the start; `page` gives what is at a path.
    init(
        at address: StatusAddress,
        log: Logger,
        page: @escaping @LoopActor (String) -> StatusPage?
    ) async throws(TransportError) {
        listener = try TCPListener(at: try await Self.socketAddress(address))
        self.page = page
        self.log = log
        log.info("status is served", metadata: ["address": "\(listener.address)"])
    }

    /// Serves until cancelled.
    func run() async {
        defer { listener.close() }
        while !isCancelled {
            if connectionCount >= Self.connectionCountMax {
                guard (try? await change.wait()) != nil else { return }
                continue
            }
            do throws(TransportError) {
                let stream = try await listener.accept()
                connectionCount += 1
                spawn {
                    await self.serve(stream)
                    self.connectionCount -= 1
                    self.change.ring()
                }
            } catch {
                if case .cancelled = error { return }
                // Out of descriptors, as a rule: they come back when others are done.
                log.warning("cannot accept a status connection", metadata: ["error": "\(error)"])
                guard (try? await sleep(for: .seconds(1))) != nil else { return }
            }
        }
    }

    private func serve(_ stream: TCPStream) async {
        let deadline = Deadline.after(Self.patience)
        if let request = try? await head(of: stream, deadline) {
            try? await stream.write(answer(to: request), deadline: deadline)
        }
        await stream.finish(deadline: deadline)
    }

    /// The request line's method and path; nil for anything that is not HTTP.
    private func head(
        of stream: TCPStream,
        _ deadline: Deadline
    ) async throws(TransportError) -> (
        method: String, path: String
    )? {
        var bytes: [UInt8] = []
        while !Self.isComplete(bytes) {
            let more = try await stream.read(upTo: Self.headBytesMax, deadline: deadline)
            bytes += more
            if more.isEmpty || bytes.count > Self.headBytesMax { return nil }
        }
        let line = bytes.prefix { $0 != UInt8(ascii: "\r") && $0 != UInt8(ascii: "\n") }
        let words = line.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
        guard words.count == 3, words[2].hasPrefix("HTTP/1.") else { return nil }
        return (words[0], String(words[1].prefix { $0 != "?" }))
    }

    private static func isComplete(_ bytes: [UInt8]) -> Bool {
        let end: [UInt8] = [13, 10, 13, 10]
        return bytes.count >= 4
            && bytes.indices.dropLast(3).contains { bytes[$0..<($0 + 4)].elementsEqual(end) }
    }

    private func answer(to request: (method: String, path: String)) -> [UInt8] {
        let isRead = request.method == "GET" || request.method == "HEAD"
        let page =
            isRead
            ? page(request.path)
                ?? StatusPage(status: 404, text: "no such page; there are /livez, /readyz, /metrics\n")
            : StatusPage(status: 405, text: "only GET and HEAD are answered\n")
        let head = """
            HTTP/1.1 \(page.status) \(page.status == 200 ? "OK" : "Not OK")\r
            Content-Type: \(page.contentType)\r
            Content-Length: \(page.text.utf8.count)\r
            Connection: close\r
            \r\n
            """
        return Array((request.method == "HEAD" ? head : head + page.text).utf8)
    }

    private static func socketAddress(_ address: StatusAddress) async throws(TransportError) -> SocketAddress
    {
        switch address {
        case .unix(let path): return .unix(path: path)
        case .tcp(let host, let port):
            if let numeric = SocketAddress(numeric: host, port: port) { return numeric }
            let addresses = try await resolve(host, port: port, deadline: .after(.seconds(10)))
            guard let first = addresses.first else {
                preconditionFailure("a name resolved to nothing without an error")
            }
            return first
        }
    }
}
