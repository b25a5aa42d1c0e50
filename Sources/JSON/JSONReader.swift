// SPDX-License-Identifier: Apache-2.0

extension JSON {
    /// Reads one value and nothing after it but white space; `depthMax` bounds how deep arrays and objects nest.
    ///
    /// Others allow 512 (FoundationEssentials), 1000 (RapidJSON's advice) or run out of stack; no OCI answer nests
    /// deeper than 8. Memory is proportional to `bytes`, which the caller has bounded.
    package static func read(_ bytes: [UInt8], depthMax: Int = 32) throws(JSONError) -> JSON {
        var reader = JSONReader(bytes: bytes, depthLeft: depthMax)
        let value = try reader.value()
        reader.skipWhitespace()
        guard reader.position == bytes.count else { throw .malformed(offset: reader.position) }
        return value
    }
}

/// A cursor over the text; each function reads one production of RFC 8259 and stops after it.
struct JSONReader {
    let bytes: [UInt8]
    var depthLeft: Int
    var position = 0

    var failure: JSONError { .malformed(offset: position) }

    var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    mutating func skipWhitespace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    mutating func value() throws(JSONError) -> JSON {
        skipWhitespace()
        switch next {
        case UInt8(ascii: "{"): return try nested { reader throws(JSONError) in try reader.object() }
        case UInt8(ascii: "["): return try nested { reader throws(JSONError) in try reader.array() }
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        default: return try number()
        }
    }

    /// Reads an array or object, its opening bracket being next.
    mutating func nested<Value>(
        _ read: (inout JSONReader) throws(JSONError) -> Value
    ) throws(JSONError) -> Value {
        guard depthLeft > 0 else { throw .tooDeep(offset: position) }
        depthLeft -= 1
        position += 1
        let value = try read(&self)
        depthLeft += 1
        return value
    }

    private mutating func object() throws(JSONError) -> JSON {
        var members: [JSON.Member] = []
        try eachMember { reader throws(JSONError) in
            if members.isEmpty { members.reserveCapacity(8) }
            let name = try reader.string()
            try reader.takeColon()
            members.append(JSON.Member(name, try reader.value()))
        }
        return .object(members)
    }

    private mutating func array() throws(JSONError) -> JSON {
        var elements: [JSON] = []
        try eachElement { reader throws(JSONError) in elements.append(try reader.value()) }
        return .array(elements)
    }

    /// Lets `read` take each member of an object, its name and its colon included; the opening bracket is taken.
    mutating func eachMember(_ read: (inout JSONReader) throws(JSONError) -> Void) throws(JSONError) {
        if take(UInt8(ascii: "}")) { return }
        repeat {
            skipWhitespace()
            try read(&self)
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "}")) else { throw failure }
    }

    /// Lets `read` take each element of an array, whose opening bracket is taken.
    mutating func eachElement(_ read: (inout JSONReader) throws(JSONError) -> Void) throws(JSONError) {
        if take(UInt8(ascii: "]")) { return }
        repeat { try read(&self) } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "]")) else { throw failure }
    }

    mutating func takeColon() throws(JSONError) {
        guard take(UInt8(ascii: ":")) else { throw failure }
    }

    /// Skips white space and takes `byte` if it comes next.
    mutating func take(_ byte: UInt8) -> Bool {
        skipWhitespace()
        guard next == byte else { return false }
        position += 1
        return true
    }

    mutating func literal(_ text: StaticString, _ value: JSON) throws(JSONError) -> JSON {
        for byte in "\(text)".utf8 {
            guard next == byte else { throw failure }
            position += 1
        }
        return value
    }

    // MARK: - Numbers

    private mutating func number() throws(JSONError) -> JSON {
        let start = position
        let isInteger = try skipNumber()
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isInteger, let integer = Int64(text) { return .integer(integer) }
        guard let real = Double(text), real.isFinite else { throw .malformed(offset: start) }
        return .real(real)
    }

    /// Section 6: an optional minus, no leading zeros, an optional fraction and an optional exponent; whether it has neither
    /// of the last two.
    mutating func skipNumber() throws(JSONError) -> Bool {
        let start = position
        if next == UInt8(ascii: "-") { position += 1 }
        let isZero = next == UInt8(ascii: "0")
        let digitCount = try digits()
        guard !isZero || digitCount == 1 else { throw .malformed(offset: start) }
        var isInteger = true
        if next == UInt8(ascii: ".") {
            isInteger = false
            position += 1
            _ = try digits()
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            isInteger = false
            position += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { position += 1 }
            _ = try digits()
        }
        return isInteger
    }

    /// Takes one digit or more and returns how many.
    private mutating func digits() throws(JSONError) -> Int {
        let start = position
        while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        guard position > start else { throw failure }
        return position - start
    }

    // MARK: - Strings

    /// Section 7; a text without escapes, the common case, is copied once.
    mutating func string() throws(JSONError) -> String {
        guard next == UInt8(ascii: "\"") else { throw failure }
        position += 1
        let start = position
        var unescaped: [UInt8] = []
        var plainStart = position
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                if plainStart == start { return try text(bytes.span.extracting(start..<position - 1), start) }
                unescaped += bytes[plainStart..<position - 1]
                return try text(unescaped.span, start)
            case UInt8(ascii: "\\"):
                unescaped += bytes[plainStart..<position]
                position += 1
                unescaped += String(try escaped()).utf8
                plainStart = position
            case ..<0x20: throw failure
            default: position += 1
            }
        }
        throw failure
    }

    /// The text of bytes that begin at this offset.
    private func text(_ utf8: Span<UInt8>, _ offset: Int) throws(JSONError) -> String {
        guard let valid = try? UTF8Span(validating: utf8) else { throw .malformed(offset: offset) }
        return String(copying: valid)
    }

    mutating func escaped() throws(JSONError) -> Unicode.Scalar {
        guard let byte = next else { throw failure }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try unicodeScalar()
        default:
            position -= 1
            throw failure
        }
    }

    /// Four digits, or two times four for a scalar beyond U+FFFF.
    ///
    /// Half of a surrogate pair reads as U+FFFD: the grammar allows it, no text can hold it, and one such display
    /// name in a list must not hide the other instances.
    private mutating func unicodeScalar() throws(JSONError) -> Unicode.Scalar {
        let unit = try codeUnit()
        if let scalar = Unicode.Scalar(unit) { return scalar }
        let resume = position
        if unit < 0xDC00, next == UInt8(ascii: "\\") {
            position += 1
            if next == UInt8(ascii: "u") {
                position += 1
                let low = try codeUnit()
                if (0xDC00...0xDFFF).contains(low),
                    let scalar = Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
                {
                    return scalar
                }
            }
        }
        position = resume
        return "\u{FFFD}"
    }

    private mutating func codeUnit() throws(JSONError) -> UInt32 {
        var unit: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80
            else { throw failure }
            unit = unit << 4 | UInt32(digit)
            position += 1
        }
        return unit
    }
}
