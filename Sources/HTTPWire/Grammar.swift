// SPDX-License-Identifier: Apache-2.0

internal import Encodings

/// Byte classes of HTTP/1.1 (RFC 9110 section 5.6, RFC 9112 section 2); they are written as switches rather than
/// tables so that a reader can hold them against the grammar.
enum Grammar {
    static let carriageReturn = UInt8(ascii: "\r")
    static let lineFeed = UInt8(ascii: "\n")
    static let space = UInt8(ascii: " ")
    static let tab = UInt8(ascii: "\t")
    static let colon = UInt8(ascii: ":")

    /// Whether `byte` may stand in a `token`: method names, field names, transfer codings (RFC 9110 section 5.6.2).
    static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        // ! # $ % & ' * + - . ^ _ ` | ~
        case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x5E...0x60, 0x7C, 0x7E: true
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: false
        }
    }

    /// Whether `byte` may stand in a field value or reason phrase: HTAB, SP, VCHAR or obs-text (RFC 9110 section 5.5).
    static func isFieldContent(_ byte: UInt8) -> Bool { byte >= 0x20 ? byte != 0x7F : byte == tab }

    /// Whether `byte` is optional white space, OWS (RFC 9110 section 5.6.3).
    static func isWhitespace(_ byte: UInt8) -> Bool { byte == space || byte == tab }

    static func decimalDigit(_ byte: UInt8) -> Int? {
        byte.isASCIIDigit ? Int(byte - UInt8(ascii: "0")) : nil
    }

    static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var rest = bytes.drop(while: isWhitespace)
        while let last = rest.last, isWhitespace(last) { rest.removeLast() }
        return rest
    }

    /// A field value or reason phrase as text; obs-text has no declared encoding (RFC 9110 section 5.5): UTF-8 where
    /// it is UTF-8, else one scalar a byte, so that nothing is lost and nothing fails.
    static func text(_ bytes: some Collection<UInt8>) -> String {
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        var scalars = String.UnicodeScalarView()
        for byte in bytes { scalars.append(Unicode.Scalar(byte)) }
        return String(scalars)
    }

    /// Whether two names are equal when the case of ASCII letters is ignored (RFC 9110 section 5.1).
    static func isSameName(_ left: String, _ right: String) -> Bool {
        guard left.utf8.count == right.utf8.count else { return false }
        return zip(left.utf8, right.utf8).allSatisfy { left, right in
            left == right || left | 0x20 == right | 0x20 && (0x61...0x7A).contains(left | 0x20)
        }
    }
}
