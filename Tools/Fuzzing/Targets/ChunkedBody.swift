// SPDX-License-Identifier: Apache-2.0

import HTTPWire

/// Reads the input as a body in chunks, cut where its first byte says, and compares what was accepted with a reader
/// that knows nothing but sizes and line ends: the two must agree about the body, and where it ends.
enum ChunkedBodyFuzz {
    static func feed(_ input: [UInt8]) {
        guard let first = input.first else { return }
        let body = Array(input.dropFirst())
        let cut = body.isEmpty ? 0 : Int(first) % body.count
        guard let (read, extraByteCount) = parsed([Array(body[..<cut]), Array(body[cut...])]) else { return }
        let (expected, rest) = simplyRead(body[...])
        insist(read == expected, "read \(read), expected \(expected)")
        insist(
            endsTrailers(rest.dropLast(extraByteCount)),
            "\(extraByteCount) bytes too many or too few left"
        )
    }

    /// The body and how many bytes came after it; nil if it is refused, or not complete.
    private static func parsed(_ pieces: [[UInt8]]) -> (body: [UInt8], extraByteCount: Int)? {
        var parser = ResponseParser(answering: "GET")
        parser.feed(Array("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".utf8))
        var body: [UInt8] = []
        do throws(HTTPWireError) {
            for piece in pieces {
                parser.feed(piece)
                reading: while true {
                    switch try parser.next() {
                    case .needMore: break reading
                    case .interim, .head: continue
                    case .bodyPart(let part): body += part
                    case .end: break reading
                    }
                }
            }
            guard case .end = try parser.next() else { return nil }
            return (body, parser.extraByteCount)
        } catch {
            return nil
        }
    }

    /// The data of all chunks, and what follows the line of the last; the body was accepted, so it has its form.
    private static func simplyRead(_ body: ArraySlice<UInt8>) -> (data: [UInt8], rest: ArraySlice<UInt8>) {
        var data: [UInt8] = []
        var rest = body
        while let lineEnd = rest.firstIndex(of: UInt8(ascii: "\n")) {
            let digits = String(decoding: rest[..<lineEnd], as: UTF8.self).prefix(while: \.isHexDigit)
            rest = rest[(lineEnd + 1)...]
            guard let size = Int(digits, radix: 16), size > 0 else { break }
            data += rest.prefix(size)
            insist(rest.dropFirst(size).starts(with: Array("\r\n".utf8)), "no line end after a chunk")
            rest = rest.dropFirst(size + 2)
        }
        return (data, rest)
    }

    /// Whether the bytes are trailers up to the empty line that ends them, and no more.
    private static func endsTrailers(_ bytes: ArraySlice<UInt8>) -> Bool {
        var rest = bytes
        while let lineEnd = rest.firstIndex(of: UInt8(ascii: "\n")) {
            let line = rest[..<lineEnd]
            rest = rest[(lineEnd + 1)...]
            if line.isEmpty || line.elementsEqual([UInt8(ascii: "\r")]) { return rest.isEmpty }
        }
        return false
    }
}
