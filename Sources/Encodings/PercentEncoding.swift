// SPDX-License-Identifier: Apache-2.0

/// Percent-encoding (RFC 3986 section 2) of path segments and query parts, and the way back.
///
/// A signed request line must be encoded once and then signed and sent as the same bytes, so there is one rule for
/// everything: only the unreserved characters of section 2.3 stay, digits are upper case, and a space is `%20`.
/// The Python SDK writes `+` for a space in a query; the service decodes both, and `%20` also holds in a path.
package enum PercentEncoding {
    /// Returns `text` with every byte but `A-Z a-z 0-9 - . _ ~` encoded, `/` included: one path segment or one
    /// query name or value.
    package static func encode(_ text: String) -> String {
        var encoded: [UInt8] = []
        for byte in text.utf8 {
            if isUnreserved(byte) {
                encoded.append(byte)
            } else {
                encoded += [UInt8(ascii: "%"), digit(byte >> 4), digit(byte & 15)]
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }

    /// Returns `name=value&...` in the given order, which is the order that is signed; a nil value is left out.
    package static func query(_ items: [(name: String, value: String?)]) -> String {
        items.compactMap { item in
            item.value.map { "\(encode(item.name))=\(encode($0))" }
        }.joined(separator: "&")
    }

    /// Returns the bytes that `text` stands for; nil where a `%` is not followed by two hexadecimal digits.
    package static func decode(_ text: Substring) -> [UInt8]? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            let digits = String(decoding: rest.prefix(2), as: UTF8.self)
            guard digits.utf8.count == 2, digits.first != "+", let value = UInt8(digits, radix: 16) else {
                return nil
            }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return bytes
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        byte.isASCIIAlphanumeric || "-._~".utf8.contains(byte)
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? value + UInt8(ascii: "0") : value - 10 + UInt8(ascii: "A")
    }
}
