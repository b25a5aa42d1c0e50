// SPDX-License-Identifier: Apache-2.0

/// Tells whether a bare word is a TOML integer or float; Swift's own number parsers are laxer, so the form
/// comes first (TOML 1.0, "Integer" and "Float").
enum TOMLNumber {
    static func read(_ word: String) -> TOMLNode.Value? {
        switch word {
        case "inf", "+inf": return .float(.infinity)
        case "-inf": return .float(-.infinity)
        case "nan", "+nan", "-nan": return .float(.nan)
        default: break
        }
        let bytes = Array(word.utf8)
        guard bytes.count > 2, let radix = ["0x": 16, "0o": 8, "0b": 2][word.prefix(2)] else {
            return decimal(bytes)
        }
        return digits(bytes.dropFirst(2), radix).flatMap { Int64($0, radix: radix) }.map { .integer($0) }
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
