// SPDX-License-Identifier: Apache-2.0

/// Tells whether a bare word is a TOML integer or float; Swift's own number parsers are laxer, so the form
/// comes first (TOML 1.0, "Integer" and "Float").
enum TOMLNumber {
    static func read(_ word: String) -> TOMLNode.Value? {
        let bytes = Array(word.utf8)
        if let special = special(word) { return .float(special) }
        if bytes.count > 2, bytes[0] == UInt8(ascii: "0"), let radix = radix(bytes[1]) {
            return prefixed(bytes.dropFirst(2), radix)
        }
        return decimal(bytes)
    }

    private static func special(_ word: String) -> Double? {
        switch word {
        case "inf", "+inf": .infinity
        case "-inf": -.infinity
        case "nan", "+nan", "-nan": .nan
        default: nil
        }
    }

    private static func radix(_ letter: UInt8) -> Int? {
        switch letter {
        case UInt8(ascii: "x"): 16
        case UInt8(ascii: "o"): 8
        case UInt8(ascii: "b"): 2
        default: nil
        }
    }

    private static func prefixed(_ bytes: ArraySlice<UInt8>, _ radix: Int) -> TOMLNode.Value? {
        guard let digits = digits(bytes, radix) else { return nil }
        return Int64(digits, radix: radix).map { .integer($0) }
    }

    /// sign? digits (. digits)? (e sign? digits)?
    private static func decimal(_ bytes: [UInt8]) -> TOMLNode.Value? {
        let (sign, unsigned) = cutSign(bytes[...])
        let mantissaEnd =
            unsigned.firstIndex { $0 == UInt8(ascii: "e") || $0 == UInt8(ascii: "E") } ?? unsigned.endIndex
        let mantissa = unsigned[..<mantissaEnd]
        let point = mantissa.firstIndex(of: UInt8(ascii: ".")) ?? mantissaEnd
        guard let whole = digits(mantissa[..<point], 10), whole == "0" || !whole.hasPrefix("0") else {
            return nil
        }
        var text = sign + whole
        if point == unsigned.endIndex { return Int64(text).map { .integer($0) } }
        if point < mantissaEnd {
            guard let fraction = digits(mantissa[(point + 1)...], 10) else { return nil }
            text += "." + fraction
        }
        if mantissaEnd < unsigned.endIndex {
            guard let exponent = exponent(unsigned[(mantissaEnd + 1)...]) else { return nil }
            text += "e" + exponent
        }
        return Double(text).map { .float($0) }
    }

    private static func exponent(_ bytes: ArraySlice<UInt8>) -> String? {
        let (sign, unsigned) = cutSign(bytes)
        return digits(unsigned, 10).map { sign + $0 }
    }

    /// A sign apart from what follows; a plus is dropped.
    private static func cutSign(_ bytes: ArraySlice<UInt8>) -> (sign: String, unsigned: ArraySlice<UInt8>) {
        switch bytes.first {
        case UInt8(ascii: "-"): ("-", bytes.dropFirst())
        case UInt8(ascii: "+"): ("", bytes.dropFirst())
        default: ("", bytes)
        }
    }

    /// Digits without their underscores, each of which must stand between two digits.
    private static func digits(_ bytes: ArraySlice<UInt8>, _ radix: Int) -> String? {
        var text = ""
        var previousIsDigit = false
        for byte in bytes {
            let character = Character(Unicode.Scalar(byte))
            if let digit = character.hexDigitValue, digit < radix {
                text.append(character)
                previousIsDigit = true
            } else {
                guard byte == UInt8(ascii: "_"), previousIsDigit else { return nil }
                previousIsDigit = false
            }
        }
        return previousIsDigit ? text : nil
    }
}
