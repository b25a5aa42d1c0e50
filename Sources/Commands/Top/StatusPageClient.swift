// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import EventLoop
internal import HTTPClient
internal import Transport

/// Asks a daemon for `/status.json`, over TCP or a Unix socket.
@LoopActor
struct StatusPageClient {
    /// Why there is no document, in words; all of it may pass, as when the daemon is started again.
    struct Failure: Error, Equatable {
        let reason: String
    }

    /// A few managers with the 5000 tasks each that the daemon lists.
    private static let documentBytesMax = 64 << 20
    private static let timeout: Duration = .seconds(5)

    let address: StatusAddress

    /// Asks once, on a connection of its own, as the daemon wants it.
    func document() async throws(Failure) -> StatusSnapshot {
        let response: HTTPResponse
        do throws(HTTPError) { response = try await answer(until: .after(Self.timeout)) } catch {
            throw Failure(reason: "\(error)")
        }
        guard response.status == 200 else {
            throw Failure(reason: "the answer has status \(response.status)")
        }
        guard let snapshot = StatusSnapshot(reading: response.bytes) else {
            throw Failure(reason: "the answer is no status document")
        }
        return snapshot
    }

    private func answer(until deadline: Deadline) async throws(HTTPError) -> HTTPResponse {
        let stream: TCPStream
        let authority: String
        do throws(TransportError) {
            switch address {
            case .unix(let path):
                authority = "localhost"
                stream = try await connectTCP(to: [.unix(path: path)], deadline: deadline)
            case .tcp(let host, let port):
                authority = HTTPOrigin(scheme: .http, host: host, port: port).authority
                stream = try await connectTCP(host: host, port: port, deadline: deadline)
            }
        } catch {
            throw .transport(error, .connect)
        }
        defer { stream.close() }
        var request = HTTPRequest(method: "GET", target: "/status.json")
        request.bodyBytesMax = Self.documentBytesMax
        request.deadline = deadline
        return try await HTTPConnection(stream, authority: authority).exchange(request)
    }
}
