// SPDX-License-Identifier: Apache-2.0

import Encodings
import EventLoop
import Glibc
import TestSupport
import Transport

/// A server on loopback that does the same to every connection.
@LoopActor
final class HostilePeer {
    private let listener: TCPListener
    private var streams: [TCPStream] = []

    /// Where it listens.
    var port: UInt16 { listener.address.port ?? 0 }

    /// Follows `script` on each connection; with `isHTTP` once the head of a request has come.
    init(_ script: Script, isHTTP: Bool = false) throws {
        listener = try loopbackListener()
        spawn { [listener] in
            while let stream = try? await listener.accept() {
                self.streams.append(stream)
                spawn {
                    try? await Self.serve(stream, script, isHTTP)
                    stream.close()
                }
            }
        }
    }

    /// Closes whatever is open.
    func close() {
        listener.close()
        for stream in streams { stream.close() }
    }

    private static func serve(_ stream: TCPStream, _ script: Script, _ isHTTP: Bool) async throws {
        if isHTTP { guard try await received(Array("\r\n\r\n".utf8), stream) else { return } }
        var isDripping = false
        for step in script.steps {
            switch step {
            case .send(let bytes): try await send(bytes, stream, isDripping)
            case .flood(let piece, let count): try await flood(piece, count, stream)
            case .wait(let text): guard try await received(text, stream) else { return }
            case .drip: isDripping = true
            case .pause: try await sleep(for: .milliseconds(20))
            case .close: return await stream.finish(deadline: soon)
            case .accept: guard try await accept(stream) else { return }
            }
        }
        while try await !stream.read(upTo: 1 << 16, deadline: soon).isEmpty {}
    }

    /// Answers a request to upgrade; whether one came.
    private static func accept(_ stream: TCPStream) async throws -> Bool {
        var request: [UInt8] = []
        repeat {
            let more = try await stream.read(upTo: 1 << 16, deadline: soon)
            if more.isEmpty { return false }
            request += more
        } while request.firstRange(of: Array("\r\n\r\n".utf8)) == nil
        let field = "Sec-WebSocket-Key: "
        let lines = String(decoding: request, as: UTF8.self).split(separator: "\r\n")
        let key = lines.first { $0.hasPrefix(field) }?.dropFirst(field.count) ?? ""
        let digested = Array("\(key)258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8)
        let accept = Base64.encode(DigestAlgorithm.sha1.digest(digested))
        let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        try await stream.write(Array("\(head)Sec-WebSocket-Accept: \(accept)\r\n\r\n".utf8), deadline: soon)
        return true
    }

    private static func send(_ bytes: [UInt8], _ stream: TCPStream, _ isDripping: Bool) async throws {
        guard isDripping else { return try await stream.write(bytes, deadline: soon) }
        for byte in bytes {
            try await stream.write([byte], deadline: soon)
            try await sleep(for: .milliseconds(10))
        }
    }

    private static func flood(_ piece: [UInt8], _ count: Int, _ stream: TCPStream) async throws {
        let perWrite = max(1, min(count, (1 << 16) / max(1, piece.count)))
        let block = Array(repeatElement(piece, count: perWrite).joined())
        for _ in 0..<(count / perWrite) { try await stream.write(block, deadline: soon) }
        for _ in 0..<(count % perWrite) { try await stream.write(piece, deadline: soon) }
    }

    /// Reads until the bytes hold `text`, one at the least; whether the client stayed so long.
    private static func received(_ text: [UInt8], _ stream: TCPStream) async throws -> Bool {
        var seen: [UInt8] = []
        repeat {
            let more = try await stream.read(upTo: 1 << 16, deadline: soon)
            if more.isEmpty { return false }
            seen += more
        } while !text.isEmpty && seen.firstRange(of: text) == nil
        return true
    }
}
