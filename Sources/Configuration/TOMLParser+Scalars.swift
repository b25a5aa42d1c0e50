// SPDX-License-Identifier: Apache-2.0

internal import Encodings

extension TOMLParser {
    /// Any value: what its first byte says it is.
    mutating func value() throws(TOMLError) -> TOMLNode.Value {
        switch peek {
        case UInt8(ascii: "\""): .string(try startsTriple("\"") ? longString("\"") : basicString())
        case UInt8(ascii: "'"): .string(try startsTriple("'") ? longString("'") : literalString())
        case UInt8(ascii: "["): try array()
        case UInt8(ascii: "{"): try inlineTable()
        default: try bareValue()
        }
    }

    private func startsTriple(_ quote: Unicode.Scalar) -> Bool {
        let byte = UInt8(ascii: quote)
        return peek == byte && peek(1) == byte && peek(2) == byte
    }

    /// `"text"` with escapes.
    mutating func basicString() throws(TOMLError) -> String {
        position += 1
        var text: [UInt8] = []
        while let byte = peek {
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"):
                try escape(into: &text)
            default:
                try plain(byte, into: &text)
            }
        }
        throw error("the string is not closed")
    }

    /// `'text'` without escapes.
    mutating func literalString() throws(TOMLError) -> String {
        position += 1
        var text: [UInt8] = []
        while let byte = peek {
            if skip("'") { return String(decoding: text, as: UTF8.self) }
            try plain(byte, into: &text)
        }
        throw error("the string is not closed")
    }

    /// `"""text"""` or `'''text'''`: newlines allowed, the one right after the opening dropped.
    private mutating func longString(_ quote: Unicode.Scalar) throws(TOMLError) -> String {
        position += 3
        _ = skipNewline()
        var text: [UInt8] = []
        while let byte = peek {
            if startsTriple(quote) { return try closeLongString(quote, text) }
            if quote == "\"", byte == UInt8(ascii: "\\") {
                if try !skipLineEndingBackslash() { try escape(into: &text) }
            } else if skipNewline() {
                // Normalised, so that the value does not depend on the editor.
                text.append(UInt8(ascii: "\n"))
            } else {
                try plain(byte, into: &text)
            }
        }
        throw error("the string is not closed")
    }

    /// Up to two quotes may stand right before the closing three: `""""two"""""`.
    private mutating func closeLongString(
        _ quote: Unicode.Scalar,
        _ text: [UInt8]
    ) throws(TOMLError) -> String {
        var text = text
        var count = 0
        while skip(quote) { count += 1 }
        guard count <= 5 else { throw error("too many quotes in a row") }
        text.append(contentsOf: repeatElement(UInt8(ascii: quote), count: count - 3))
        return String(decoding: text, as: UTF8.self)
    }

    /// A backslash that ends its line swallows all white space up to the next visible character.
    private mutating func skipLineEndingBackslash() throws(TOMLError) -> Bool {
        let start = position
        position += 1
        while skip(" ") || skip("\t") {}
        guard skipNewline() else {
            position = start
            return false
        }
        while skip(" ") || skip("\t") || skipNewline() {}
        return true
    }

    private mutating func plain(_ byte: UInt8, into text: inout [UInt8]) throws(TOMLError) {
        guard !Self.isControl(byte) else { throw error("a control character or a line end in a string") }
        text.append(byte)
        position += 1
    }

    private mutating func escape(into text: inout [UInt8]) throws(TOMLError) {
        position += 1
        let letter = peek
        position += 1
        switch letter {
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "\""): text.append(0x22)
        case UInt8(ascii: "\\"): text.append(0x5C)
        case UInt8(ascii: "u"): try unicodeEscape(digits: 4, into: &text)
        case UInt8(ascii: "U"): try unicodeEscape(digits: 8, into: &text)
        default:
            position -= 1
            throw error("no such escape; write \\\\ for a backslash")
        }
    }

    private mutating func unicodeEscape(digits: Int, into text: inout [UInt8]) throws(TOMLError) {
        var code: UInt32 = 0
        for _ in 0..<digits {
            guard let byte = peek, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw error("\(digits) hexadecimal digits are expected here")
            }
            code = code << 4 | UInt32(digit)
            position += 1
        }
        guard let scalar = Unicode.Scalar(code) else { throw error("no such Unicode character") }
        text.append(contentsOf: Character(scalar).utf8)
    }

    private mutating func bareValue() throws(TOMLError) -> TOMLNode.Value {
        let start = position
        var word = take(while: Self.isBareValueByte)
        // The one blank a bare value may hold parts a date from its time.
        if word.utf8.count == 10, peek == UInt8(ascii: " "), peek(1)?.isASCIIDigit == true {
            position += 1
            word += " " + take(while: Self.isBareValueByte)
        }
        switch word {
        case "true": return .boolean(true)
        case "false": return .boolean(false)
        default: break
        }
        guard let value = TOMLNumber.read(word) ?? TOMLDateTime.read(word) else {
            position = start
            // Not the word itself: it may be a password whose quotes were forgotten.
            throw error(
                word.isEmpty ? "a value is expected here" : "this is not a value; put text between quotes"
            )
        }
        return value
    }

    private static func isBareValueByte(_ byte: UInt8) -> Bool {
        byte.isASCIIAlphanumeric || "+-.:_".utf8.contains(byte)
    }
}
