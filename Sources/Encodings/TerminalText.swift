// SPDX-License-Identifier: Apache-2.0

/// Text that others chose, as it may stand in a log or on a terminal.
///
/// Unsafe are control characters (C0, DEL and C1: some terminals take U+009B for the beginning of a command), the invisible
/// ones that format (among them those that turn the direction of the text around, so that it reads as another), and the
/// separators of lines and paragraphs, which are ends of lines to some readers of a log (Unicode 16, chapter 4.5: Cc, Cf, Zl, Zp).
package enum TerminalText {
    /// Whether a character does something to the text around it, or to the terminal.
    package static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.value < 0x7F { return scalar.value < 0x20 }
        return switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }

    /// The text with every unsafe character written as JSON writes it, `\u` and four digits, twice beyond the first 65,536 (RFC
    /// 8259 section 7), so that JSON stays the same JSON; line feeds stay with `keepingLines`.
    package static func shown(_ text: String, keepingLines: Bool = false) -> String {
        // Next to all texts are safe, and those of a log are many.
        if text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) { return text }
        var shown = ""
        for scalar in text.unicodeScalars {
            if isUnsafe(scalar), !(keepingLines && scalar == "\n") {
                shown += code(of: scalar)
            } else {
                shown.unicodeScalars.append(scalar)
            }
        }
        return shown
    }

    /// The text as it stands between the quotes of a JSON string, nothing unsafe in it.
    package static func jsonString(_ text: String) -> String {
        var string = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": string += "\\\""
            case "\\": string += "\\\\"
            case "\n": string += "\\n"
            case "\t": string += "\\t"
            default:
                if isUnsafe(scalar) {
                    string += code(of: scalar)
                } else {
                    string.unicodeScalars.append(scalar)
                }
            }
        }
        return string
    }

    private static func code(of scalar: Unicode.Scalar) -> String {
        UTF16.encode(scalar).map { unit in
            unit.map { number in
                let digits = String(number, radix: 16)
                return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }.joined()
        } ?? ""
    }
}
