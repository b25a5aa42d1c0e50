// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestSupport
import Testing

@testable import Transport

@Suite(.timeLimit(.minutes(1))) struct TCPListenerTests {
    /// A path in a directory of its own, which goes with this object.
    private final class Place: Sendable {
        let directory: String
        var path: String { "\(directory)/s" }

        init() throws {
            var template = Array("/tmp/scaler-oci-hpc-socket-XXXXXX".utf8CString)
            try #require(mkdtemp(&template) != nil)
            directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }

        deinit {
            unlink(path)
            rmdir(directory)
        }
    }

    @Test func `a socket that nobody answers at is taken over`() async throws {
        try await onLoop {
            let place = try Place()
            // Without `close`, as a process that was killed leaves it.
            do { _ = try TCPListener(at: .unix(path: place.path)) }
            #expect(SocketFile(at: place.path)?.isAbandoned == true)
            let listener = try TCPListener(at: .unix(path: place.path))
            try await connectTCP(to: [.unix(path: place.path)], deadline: soon).close()
            try await listener.accept(deadline: soon).close()
        }
    }

    @Test func `a socket that is answered is left to its process, however busy that is`() async throws {
        try await onLoop {
            let place = try Place()
            let listener = try TCPListener(at: .unix(path: place.path), backlog: 0)
            // More than may wait for a process that accepts none.
            for _ in 0..<4 { try Socket(for: listener.address).beginConnect(to: listener.address) }
            #expect(
                throws: TransportError.systemCall(SystemCallError(call: "bind", number: EADDRINUSE), .listen)
            ) {
                try TCPListener(at: .unix(path: place.path))
            }
            #expect(SocketFile(at: place.path)?.isAbandoned == false)
            listener.close()
        }
    }

    @Test func `a file that is no socket stays`() async throws {
        try await onLoop {
            let place = try Place()
            try replaceFile(place.path, with: [1])
            #expect(throws: TransportError.self) { try TCPListener(at: .unix(path: place.path)) }
            #expect(try readFile(place.path, byteCountMax: 8) == [1])
        }
    }

    @Test func `the file goes with its listener, and one that took its place stays`() async throws {
        try await onLoop {
            let place = try Place()
            let first = try TCPListener(at: .unix(path: place.path))
            #expect(unlink(place.path) == 0)
            let second = try TCPListener(at: .unix(path: place.path))
            first.close()
            #expect(SocketFile(at: place.path) != nil)
            second.close()
            #expect(access(place.path, F_OK) != 0)
        }
    }

    @Test func `a path that does not fit into an address is refused whole`() async throws {
        try await onLoop {
            let path = "/tmp/" + String(repeating: "s", count: 103)
            let expected = TransportError.systemCall(
                SystemCallError(call: "socket", number: ENAMETOOLONG),
                .listen
            )
            #expect(throws: expected) { try TCPListener(at: .unix(path: path)) }
            #expect(access(String(path.dropLast()), F_OK) != 0)
        }
    }
}
