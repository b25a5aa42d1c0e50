// SPDX-License-Identifier: Apache-2.0

internal import Encodings
internal import EventLoop

/// The head of a request as it came over the wire (RFC 9112 section 3).
@LoopActor
struct RequestHead {
    let method: String
    let target: String
    let fields: [String: String]
    /// Bytes of the head, the empty line included.
    let byteCount: Int
    let bodyByteCount: Int

    /// Reads a head, nil while it is not whole; one that breaks the rules ends the run.
    static func read(_ buffer: [UInt8], _ simulation: Simulation) -> RequestHead? {
        guard let end = end(of: buffer) else {
            simulation.judge("wire", buffer.count < 1 << 16, "the head of a request has no end")
            return nil
        }
        // Bytes, not characters: this is done for every request.
        let lines = Self.lines(of: buffer[..<end], simulation)
        let words = lines[0].split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        let isRequest = words.count == 3 && words[2].elementsEqual("HTTP/1.1".utf8)
        simulation.judge("wire", isRequest, "request line: \(text(lines[0]))")
        var fields = [String: String](minimumCapacity: lines.count)
        for line in lines.dropFirst() {
            let colon = line.firstIndex(of: UInt8(ascii: ":"))
            simulation.judge("wire", colon != nil, "a header field without a colon: \(text(line))")
            guard let colon else { return nil }
            let value = line[(colon + 1)...].drop { $0 == UInt8(ascii: " ") }
            let name = text(line[..<colon])
            fields[name.utf8.contains { 65...90 ~= $0 } ? name.lowercased() : name] = text(value)
        }
        let target = text(words[1])
        simulation.judge("wire", fields["host"] != nil, "a request without a host")
        simulation.judge("wire", fields["authorization"] != nil, "a request without a signature: \(target)")
        return RequestHead(
            method: text(words[0]),
            target: target,
            fields: fields,
            byteCount: end + 4,
            bodyByteCount: fields["content-length"].flatMap { Int($0) } ?? 0
        )
    }

    /// The lines, without their ends.
    private static func lines(of head: ArraySlice<UInt8>, _ simulation: Simulation) -> [ArraySlice<UInt8>] {
        var lines: [ArraySlice<UInt8>] = []
        lines.reserveCapacity(16)
        var start = 0
        for index in head.indices where head[index] == 10 {
            let isWhole = index > start && head[index - 1] == 13
            simulation.judge("wire", isWhole, "a line of a head that ends without a carriage return")
            lines.append(head[start..<index - 1])
            start = index + 1
        }
        lines.append(head[start...])
        return lines
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

    private static func end(of buffer: [UInt8]) -> Int? {
        guard buffer.count >= 4 else { return nil }
        for index in 0...buffer.count - 4 where buffer[index] == 13 {
            if buffer[index + 1] == 10, buffer[index + 2] == 13, buffer[index + 3] == 10 { return index }
        }
        return nil
    }

    func request(_ body: [UInt8], number: UInt64) -> SimulatedRequest {
        let parts = target.utf8.split(separator: UInt8(ascii: "?"), maxSplits: 1).map { Substring($0) }
        let pairs = parts.count > 1 ? parts[1].utf8.split(separator: UInt8(ascii: "&")) : []
        var query: [String: String] = [:]
        for pair in pairs {
            let sides = pair.split(separator: UInt8(ascii: "="), maxSplits: 1).map { Substring($0) }
            query[percentDecoded(sides[0])] = sides.count > 1 ? percentDecoded(sides[1]) : ""
        }
        return SimulatedRequest(
            method: method,
            path: String(parts.first ?? ""),
            query: query,
            fields: fields,
            body: body,
            number: number
        )
    }
}

/// Text with each `%XX` replaced by its byte (RFC 3986 section 2.1).
func percentDecoded(_ text: Substring) -> String {
    if !text.utf8.contains(UInt8(ascii: "%")) { return String(text) }
    return PercentEncoding.decode(text).map { String(decoding: $0, as: UTF8.self) } ?? String(text)
}
