// SPDX-License-Identifier: Apache-2.0

/// A page in the language of man(7), of which it uses what groff and mandoc both know.
struct Roff {
    /// The page so far, one request or line of text each.
    private(set) var lines: [String]

    /// Columns of the source: longer lines are a fault of style to `mandoc -T lint`.
    private static let width = 72

    /// A page of this name and section.
    init(name: String, section: Int, manual: String) {
        let title = Self.escaped(name.uppercased())
        let source = Self.escaped("scaler-oci-hpc \(Version.text)")
        lines = [
            ".\\\" SPDX-License-Identifier: Apache-2.0",
            ".TH \(title) \(section) \(Version.date) \"\(source)\" \"\(manual)\"",
        ]
    }

    mutating func heading(_ title: String) { lines.append(".SH \(title)") }

    mutating func subheading(_ title: String) { lines.append(".SS \(title)") }

    mutating func paragraph(_ text: String) { paragraph(formatted: Self.escaped(text)) }

    /// A paragraph of text that is escaped already.
    mutating func paragraph(formatted text: String) {
        // Directly behind a heading it would be an empty paragraph more.
        if lines.last.map({ !$0.hasPrefix(".SH") && !$0.hasPrefix(".SS") }) ?? false { lines.append(".PP") }
        lines += Self.filled(text)
    }

    /// A tag, escaped and formatted already, and below it what it means.
    mutating func item(_ tag: String, _ text: String) {
        lines += [".TP", tag]
        lines += Self.filled(Self.escaped(text))
    }

    /// Lines that stay as they are, set apart.
    mutating func literal(_ text: [String]) {
        lines += [".PP", ".RS 4", ".nf"] + text.map { Self.escaped($0) } + [".fi", ".RE"]
    }

    var text: String { lines.joined(separator: "\n") + "\n" }

    static func bold(_ text: String) -> String { "\\fB\(escaped(text))\\fR" }

    static func italic(_ text: String) -> String { "\\fI\(escaped(text))\\fR" }

    /// Text that roff shows as it is; a long word may be broken behind its bars.
    ///
    /// A bare hyphen could come out as a typographic one, which no shell takes.
    static func escaped(_ text: String) -> String {
        var shown = ""
        for character in text {
            switch character {
            case "\\": shown += "\\e"
            case "-": shown += "\\-"
            case "'": shown += "\\(aq"
            case "`": shown += "\\(ga"
            case "^": shown += "\\(ha"
            case "~": shown += "\\(ti"
            case "|": shown += "|\\:"
            case "." where shown.isEmpty: shown += "\\&."
            default: shown.append(character)
            }
        }
        return shown
    }

    /// The words in lines of the source, none of which begins like a request.
    private static func filled(_ text: String) -> [String] {
        var lines: [String] = []
        for word in text.split(whereSeparator: { $0 == " " || $0 == "\n" }) {
            if let last = lines.last, last.count + 1 + word.count <= width {
                lines[lines.count - 1] = "\(last) \(word)"
            } else {
                lines.append(word.hasPrefix(".") ? "\\&\(word)" : String(word))
            }
        }
        return lines
    }
}
