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
        let lines = buffer[..<end].split(separator: 10, omittingEmptySubsequences: false).map {
            $0.last == 13 ? $0.dropLast() : $0
        }
        let isCut = lines.dropLast().enumerated().allSatisfy { buffer[lines[$0.offset].endIndex] == 13 }
        simulation.judge("wire", isCut, "a line of a head that ends without a carriage return")
        let words = lines[0].split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        let isRequest = words.count == 3 && words[2].elementsEqual("HTTP/1.1".utf8)
        simulation.judge("wire", isRequest, "request line: \(text(lines[0]))")
        var fields = [String: String](minimumCapacity: lines.count)
        for line in lines.dropFirst() {
            let colon = line.firstIndex(of: UInt8(ascii: ":"))
            simulation.judge("wire", colon != nil, "a header field without a colon: \(text(line))")
            guard let colon else { return nil }
            let value = line[(colon + 1)...].drop { $0 == UInt8(ascii: " ") }
            fields[text(line[..<colon]).lowercased()] = text(value)
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

    private static func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

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
    PercentEncoding.decode(text).map { String(decoding: $0, as: UTF8.self) } ?? String(text)
}
