// SPDX-License-Identifier: Apache-2.0

internal import Encodings

/// The longest piece of a user's text that a message repeats, in characters.
private let quotedMax = 120

/// Text as it may stand in a one-line message: no control characters, and cut when long.
///
/// Messages go to terminals and logs; what the user typed must not break the line or move the cursor.
package func printable(_ text: String) -> String {
    var shown = ""
    for scalar in text.unicodeScalars.prefix(quotedMax) {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .unassigned, .privateUse: shown += "?"
        default: shown.unicodeScalars.append(scalar)
        }
    }
    return text.unicodeScalars.count > quotedMax ? shown + "..." : shown
}

/// The text between single quotes, as messages show what the user wrote, but for what may be a password.
func quoted(_ text: String) -> String { "'\(printable(withoutUser(text)))'" }

/// The text with `...` in the place of a user's name and password before a host (RFC 3986, 3.2.1), with a scheme or without.
private func withoutUser(_ text: String) -> String {
    guard let at = text.lastIndex(of: "@"), let colon = text[..<at].firstIndex(of: ":") else { return text }
    let scheme = text[colon...].hasPrefix("://") ? text[...text.index(colon, offsetBy: 2)] : ""
    return "\(scheme)...\(text[at...])"
}

/// A flag's name as a key of the file.
///
/// Written out: `replacing`, as `contains` of a text, links a whole regular expression engine, 1.4 MB of code.
func withUnderscores(_ name: String) -> String { String(name.map { $0 == "-" ? "_" : $0 }) }

/// A key of the file as a flag's name.
func withDashes(_ key: String) -> String { String(key.map { $0 == "_" ? "-" : $0 }) }

/// A TOML basic string that reads back as the same text (TOML 1.0, "String").
package func tomlString(_ text: String) -> String {
    var shown = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": shown += "\\\""
        case "\\": shown += "\\\\"
        case _ where TerminalText.isUnsafe(scalar):
            let digits = String(scalar.value, radix: 16)
            let (mark, width) = digits.count > 4 ? ("\\U", 8) : ("\\u", 4)
            shown += mark + String(repeating: "0", count: width - digits.count) + digits
        default: shown.unicodeScalars.append(scalar)
        }
    }
    return shown + "\""
}
