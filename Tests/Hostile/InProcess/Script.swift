// SPDX-License-Identifier: Apache-2.0

import Compression

/// What a hostile peer does on one connection, as a line of a table writes it.
///
/// Text stands for itself, `\r \n \t \0 \\ \< \|` and `\xHH` for one byte. `<5*ab>` is `ab` five times, `<u64:N>` and
/// `<u32:N>` are numbers in little endian (`0x` for hexadecimal). `<gzip:5*ab>` is the same five times, compressed. `<wait>` waits for bytes of the client,
/// `<wait:READY>` until they hold that text, `<drip>` sends what follows byte by byte with pauses, `<pause>` waits a little,
/// `<accept>` answers a request to upgrade to a WebSocket, `<close>` ends the connection in order. After the last step the connection is held open until the client ends it.
struct Script: Sendable {
    enum Step: Sendable, Equatable {
        case send([UInt8])
        /// A piece and how often it is sent; the whole is never held.
        case flood([UInt8], count: Int)
        /// Waits for a text in what the client has sent since the last wait, for any bytes where it is empty.
        case wait([UInt8])
        case drip, pause, close
        /// Waits for a request to upgrade to a WebSocket (RFC 6455) and answers it as it must be.
        case accept
    }

    struct Malformed: Error {
        let text: String
    }

    private(set) var steps: [Step] = []
    /// A repetition of fewer bytes than this becomes plain bytes.
    private static let floodBytesMin = 1 << 16

    /// The bytes that are sent, but for floods.
    var bytes: [UInt8] {
        steps.flatMap { step -> [UInt8] in
            if case .send(let bytes) = step { return bytes }
            return []
        }
    }

    /// Reads a line; `names` are scripts that stand for `<name>`.
    init(_ text: String, _ names: [String: Script] = [:]) throws(Malformed) {
        var rest = Array(text.utf8)[...]
        var bytes: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\\"): bytes.append(try Self.escaped(&rest, text))
            case UInt8(ascii: "<"):
                guard let end = rest.firstIndex(of: UInt8(ascii: ">")) else { throw Malformed(text: text) }
                let token = String(decoding: rest[..<end], as: UTF8.self)
                rest = rest[(end + 1)...]
                try add(token, after: &bytes, text, names)
            default: bytes.append(byte)
            }
        }
        flush(&bytes)
    }

    /// Does these too.
    mutating func append(_ more: [Step]) { steps += more }

    private mutating func flush(_ bytes: inout [UInt8]) {
        if !bytes.isEmpty { steps.append(.send(bytes)) }
        bytes = []
    }

    private mutating func add(
        _ token: String,
        after bytes: inout [UInt8],
        _ text: String,
        _ names: [String: Script]
    ) throws(Malformed) {
        if let number = try Self.number(token) {
            bytes += number
            return
        }
        if token.hasPrefix("gzip:") {
            bytes += try Self.compressed(token.dropFirst("gzip:".count), text)
            return
        }
        let parts = token.split(separator: "*", maxSplits: 1)
        if parts.count == 2, let count = Int(parts[0]) {
            let piece = try Script(String(parts[1])).bytes
            if count * piece.count < Self.floodBytesMin {
                for _ in 0..<count { bytes += piece }
                return
            }
            flush(&bytes)
            return steps.append(.flood(piece, count: count))
        }
        flush(&bytes)
        if let named = names[token] { return append(named.steps) }
        if token.hasPrefix("wait:") {
            return steps.append(.wait(Array(token.dropFirst("wait:".count).utf8)))
        }
        switch token {
        case "wait": steps.append(.wait([]))
        case "drip": steps.append(.drip)
        case "pause": steps.append(.pause)
        case "close": steps.append(.close)
        case "accept": steps.append(.accept)
        default: throw Malformed(text: text)
        }
    }

    /// The gzip of `5*ab`, never all of it at once.
    private static func compressed(_ token: Substring, _ text: String) throws(Malformed) -> [UInt8] {
        let parts = token.split(separator: "*", maxSplits: 1)
        guard parts.count == 2, let count = Int(parts[0]) else { throw Malformed(text: text) }
        let piece = try Script(String(parts[1])).bytes
        let compressor = GzipCompressor()
        var bytes: [UInt8] = []
        let perBlock = max(1, min(count, (1 << 20) / max(1, piece.count)))
        let block = Array(repeatElement(piece, count: perBlock).joined())
        for begin in stride(from: 0, to: count, by: perBlock) {
            compressor.feed(Array(block.prefix((count - begin) * piece.count)))
            while let more = compressor.next() { bytes += more }
        }
        compressor.finish()
        while let more = compressor.next() { bytes += more }
        return bytes
    }

    /// The bytes of `u64:5` or `u32:0xFF`, nil for another token.
    private static func number(_ token: String) throws(Malformed) -> [UInt8]? {
        let parts = token.split(separator: ":")
        guard parts.count == 2, let size = ["u64": 8, "u32": 4, "u16": 2][String(parts[0])] else {
            return nil
        }
        let digits = parts[1]
        let value = digits.hasPrefix("0x") ? UInt64(digits.dropFirst(2), radix: 16) : UInt64(digits)
        guard let value else { throw Malformed(text: token) }
        return (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    private static func escaped(_ rest: inout ArraySlice<UInt8>, _ text: String) throws(Malformed) -> UInt8 {
        switch rest.popFirst() {
        case UInt8(ascii: "r"): return 13
        case UInt8(ascii: "n"): return 10
        case UInt8(ascii: "t"): return 9
        case UInt8(ascii: "0"): return 0
        case UInt8(ascii: "x"):
            let digits = String(decoding: rest.prefix(2), as: UTF8.self)
            rest = rest.dropFirst(2)
            guard let byte = UInt8(digits, radix: 16) else { throw Malformed(text: text) }
            return byte
        case let other? where [UInt8]("\\<|\"".utf8).contains(other): return other
        default: throw Malformed(text: text)
        }
    }
}
