// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// The head of a request as it came over the wire (RFC 9112 section 3).
@LoopActor
struct RequestHead {
    let method: String
    let target: Substring
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
        let lines = String(decoding: buffer[..<end], as: UTF8.self).split(
            separator: "\r\n",
            omittingEmptySubsequences: false
        )
        let words = lines[0].split(separator: " ", omittingEmptySubsequences: false)
        simulation.judge("wire", words.count == 3 && words[2] == "HTTP/1.1", "request line: \(lines[0])")
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            simulation.judge("wire", parts.count == 2, "a header field without a colon: \(line)")
            fields[parts[0].lowercased()] = String(parts[1].drop { $0 == " " })
        }
        simulation.judge("wire", fields["host"] != nil, "a request without a host")
        simulation.judge("wire", fields["authorization"] != nil, "a request without a signature: \(words[1])")
        return RequestHead(
            method: String(words[0]),
            target: words[1],
            fields: fields,
            byteCount: end + 4,
            bodyByteCount: fields["content-length"].flatMap { Int($0) } ?? 0
        )
    }

    private static func end(of buffer: [UInt8]) -> Int? {
        guard buffer.count >= 4 else { return nil }
        for index in 0...buffer.count - 4 where buffer[index] == 13 {
            if buffer[index + 1] == 10, buffer[index + 2] == 13, buffer[index + 3] == 10 { return index }
        }
        return nil
    }

    func request(_ body: [UInt8], number: UInt64) -> SimulatedRequest {
        let parts = target.split(separator: "?", maxSplits: 1)
        let pairs = (parts.count > 1 ? parts[1] : "").split(separator: "&").map { pair in
            let sides = pair.split(separator: "=", maxSplits: 1)
            return (percentDecoded(sides[0]), sides.count > 1 ? percentDecoded(sides[1]) : "")
        }
        return SimulatedRequest(
            method: method,
            path: String(parts.first ?? ""),
            query: Dictionary(pairs, uniquingKeysWith: { $1 }),
            fields: fields,
            body: body,
            number: number
        )
    }
}

/// Text with each `%XX` replaced by its byte (RFC 3986 section 2.1).
func percentDecoded(_ text: Substring) -> String {
    guard text.utf8.contains(UInt8(ascii: "%")) else { return String(text) }
    var rest = Array(text.utf8)[...]
    var bytes: [UInt8] = []
    while let byte = rest.popFirst() {
        if byte == UInt8(ascii: "%"),
            let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
        {
            bytes.append(value)
            rest.removeFirst(2)
        } else {
            bytes.append(byte)
        }
    }
    return String(decoding: bytes, as: UTF8.self)
}
