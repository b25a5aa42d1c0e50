// SPDX-License-Identifier: Apache-2.0

/// The head of a request to the status server, as it comes in (RFC 9112, 2 and 3).
///
/// Of the fields only Host and Accept count; no page depends on the others.
package struct StatusRequestHead: Sendable {
    /// What is asked for.
    package enum Request: Equatable, Sendable {
        /// The page at a path, without its query.
        case get(String)
        /// The same without its body.
        case head(String)
        /// A method that no page has.
        case otherMethod
        /// A head of more than `byteCountMax` bytes.
        case tooLarge
        /// Anything else, or a head that has not ended.
        case notHTTP
    }

    /// A request's head, all of it; probes send a tenth of that.
    package static let byteCountMax = 8192

    private static let lineFeed = UInt8(ascii: "\n")
    private static let carriageReturn = UInt8(ascii: "\r")

    private var bytes: [UInt8] = []
    private var lineByteCount = 0
    private var isEnded = false

    /// Nothing came yet.
    package init() {}

    /// Whether nothing came yet.
    package var isEmpty: Bool { bytes.isEmpty }

    /// Whether no more bytes are needed: an empty line ended the head, or it is too large.
    package var isWhole: Bool { isEnded || bytes.count > Self.byteCountMax }

    /// Takes more bytes; what follows the head counts for nothing.
    package mutating func append(_ more: some Sequence<UInt8>) {
        for byte in more where !isWhole {
            bytes.append(byte)
            switch byte {
            // A lone line feed ends a line, too (RFC 9112, 2.2).
            case Self.lineFeed:
                isEnded = lineByteCount == 0
                lineByteCount = 0
            case Self.carriageReturn: break
            default: lineByteCount += 1
            }
        }
    }

    /// The values of its Host fields: one, unless the client is old or means ill.
    package var hosts: [String] { values(of: "host") }

    /// The media types that it takes (RFC 9110, 12.5.1), without blanks; empty where it does not say.
    package var accept: String { values(of: "accept").joined(separator: ",") }

    /// The values of all fields of a name, in lower case, without blanks.
    private func values(of field: String) -> [String] {
        let lines = bytes.split { $0 == Self.lineFeed || $0 == Self.carriageReturn }.dropFirst()
        return lines.compactMap { line in
            let (name, value) = (
                line.prefix { $0 != UInt8(ascii: ":") }, line.drop { $0 != UInt8(ascii: ":") }
            )
            guard String(decoding: name, as: UTF8.self).lowercased() == field else { return nil }
            let text = value.dropFirst().filter { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }
            return String(decoding: text, as: UTF8.self)
        }
    }

    /// What the head asks for, as far as it came.
    package var request: Request {
        guard isEnded else { return isWhole ? .tooLarge : .notHTTP }
        let line = bytes.prefix { $0 != Self.carriageReturn && $0 != Self.lineFeed }
        let words = line.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
        guard words.count == 3, words[2].hasPrefix("HTTP/1.") else { return .notHTTP }
        let path = String(words[1].prefix { $0 != "?" })
        switch words[0] {
        case "GET": return .get(path)
        case "HEAD": return .head(path)
        default: return .otherMethod
        }
    }
}
