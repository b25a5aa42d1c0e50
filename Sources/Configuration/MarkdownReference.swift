// SPDX-License-Identifier: Apache-2.0

/// The configuration reference as Markdown, made from the table of options.
package enum MarkdownReference {
    /// One table for each group of options.
    package static var text: String {
        var lines: [String] = []
        for group in Option.groups {
            lines += [
                "### \(group.title)", "", "| Flag | Short | Environment | File key | Default | Meaning |",
                "| --- | --- | --- | --- | --- | --- |",
            ]
            lines += group.options.map(row)
            lines.append("")
        }
        return lines.joined(separator: "\n")
    }

    private static func row(_ option: Option) -> String {
        let value =
            option.placeholder.isEmpty || option.spelling.hasPrefix("SCHED") ? "" : " \(option.placeholder)"
        let cells = [
            code(option.spelling + value),
            option.short.map { code("-\($0)") } ?? "",
            option.variables.map(code).joined(separator: ", "),
            option.isFileKey ? code(option.key) : "",
            option.isRequired ? "required" : option.defaultText.map(code) ?? "",
            escaped(option.help),
        ]
        return "| \(cells.joined(separator: " | ")) |"
    }

    private static func code(_ text: String) -> String { "`\(withoutBars(text))`" }

    /// `<` would begin HTML, and `|` end the cell.
    private static func escaped(_ text: String) -> String {
        withoutBars(text).map { $0 == "<" ? "&lt;" : String($0) }.joined()
    }

    private static func withoutBars(_ text: String) -> String {
        text.map { $0 == "|" ? "\\|" : String($0) }.joined()
    }
}
