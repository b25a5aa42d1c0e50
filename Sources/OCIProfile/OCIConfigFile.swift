// SPDX-License-Identifier: Apache-2.0

/// The text of `~/.oci/config`, read by the rules of the Python SDK.
///
/// These are the rules of Python's `configparser` without interpolation: `key = value` or `key: value`; comments are
/// whole lines that begin with `#` or `;`, never ends of lines; keys know no case; a line indented deeper than the one
/// its key stands on continues the value, over blank lines too; and every section inherits what `[DEFAULT]` says.
/// The Go SDK reads single lines and inherits nothing: for files that both accept as written for one account, the
/// two agree.
package struct OCIConfigFile: Equatable, Sendable {
    /// The section that always exists, even if not written.
    package static let defaultSection = "DEFAULT"

    /// A value and where it stands.
    package struct Entry: Equatable, Sendable {
        /// Without white space around it; lines of a continued value are joined by newlines.
        package var value: String
        /// The line of the key, from 1.
        package let line: Int
    }

    private var sections: [String: [String: Entry]] = [defaultSection: [:]]
    /// The sections in the order of the file.
    package private(set) var sectionNames: [String] = []

    /// Reads the text of a file.
    package init(_ text: String) throws(OCIProfileError) {
        var reader = LineReader()
        // An editor of another system may have put a byte order mark in front.
        let content = text.hasPrefix("\u{FEFF}") ? text.dropFirst() : text[...]
        let lines = content.split(omittingEmptySubsequences: false) {
            $0 == "\n" || $0 == "\r\n" || $0 == "\r"
        }
        for (index, line) in lines.enumerated() { try reader.read(line, number: index + 1, into: &self) }
        sections = sections.mapValues { $0.mapValues { Entry(value: $0.value.trimmed, line: $0.line) } }
    }

    /// Returns the keys of a section, in lower case, with those inherited from `[DEFAULT]`.
    package func profile(_ name: String) throws(OCIProfileError) -> [String: Entry] {
        guard let own = sections[name] else {
            throw .profileNotFound(
                name,
                available: sectionNames.isEmpty ? [Self.defaultSection] : sectionNames
            )
        }
        return (sections[Self.defaultSection] ?? [:]).merging(own) { $1 }
    }

    fileprivate mutating func open(section name: String, line: Int) throws(OCIProfileError) {
        if name != Self.defaultSection {
            guard sections[name] == nil else { throw .duplicateSection(name, line: line) }
            sections[name] = [:]
        }
        if !sectionNames.contains(name) { sectionNames.append(name) }
    }

    fileprivate mutating func add(_ key: String, _ entry: Entry, to section: String) throws(OCIProfileError) {
        guard sections[section]?.updateValue(entry, forKey: key) == nil else {
            throw .duplicateKey(key, section: section, line: entry.line)
        }
    }

    fileprivate mutating func extend(_ key: String, of section: String, with line: String) {
        sections[section]?[key]?.value += "\n" + line
    }
}

/// Where the reader is between two lines.
private struct LineReader {
    private var section: String?
    /// The key that a deeper line would continue.
    private var key: String?
    private var indent = 0

    mutating func read(
        _ line: Substring,
        number: Int,
        into file: inout OCIConfigFile
    ) throws(OCIProfileError) {
        let content = String(line).trimmed
        if content.hasPrefix("#") || content.hasPrefix(";") { return }
        let lineIndent = line.prefix(while: \.isWhitespace).count
        if let section, let key, content.isEmpty || lineIndent > indent {
            file.extend(key, of: section, with: content)
            return
        }
        if content.isEmpty { return }
        indent = lineIndent
        if content.hasPrefix("["), let end = content.lastIndex(of: "]"),
            end > content.index(after: content.startIndex)
        {
            let name = String(content[..<end].dropFirst())
            try file.open(section: name, line: number)
            section = name
            key = nil
            return
        }
        guard let section else { throw .missingSectionHeader(line: number) }
        guard let delimiter = content.firstIndex(where: { $0 == "=" || $0 == ":" }) else {
            throw .unreadableLine(number)
        }
        let name = String(content[..<delimiter]).trimmed.lowercased()
        guard !name.isEmpty else { throw .unreadableLine(number) }
        let value = String(content[delimiter...].dropFirst()).trimmed
        try file.add(name, OCIConfigFile.Entry(value: value, line: number), to: section)
        key = name
    }
}

extension String {
    var trimmed: String {
        let start = drop(while: \.isWhitespace)
        guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(start[...last])
    }
}

/// Which file and which profile of it are meant.
package enum OCIConfigLocation {
    /// Returns the paths to try, in order; the first that exists is the one.
    ///
    /// A path that was asked for, by flag or by the CLI's `OCI_CLI_CONFIG_FILE`, is the only one. Else the SDKs take
    /// `~/.oci/config` and look at `OCI_CONFIG_FILE` only where that does not exist.
    package static func candidates(
        explicit: String?,
        environment: [String: String],
        home: String
    ) -> [String] {
        let asked = explicit ?? environment.nonEmpty("OCI_CLI_CONFIG_FILE")
        let paths =
            asked.map { [$0] }
            ?? ["~/.oci/config", environment.nonEmpty("OCI_CONFIG_FILE")].compactMap(\.self)
        return paths.map { expandingTilde($0, home: home) }
    }

    /// Returns the profile's name: the one asked for, or the CLI's `OCI_CLI_PROFILE`, or `DEFAULT`.
    package static func profileName(explicit: String?, environment: [String: String]) -> String {
        explicit ?? environment.nonEmpty("OCI_CLI_PROFILE") ?? OCIConfigFile.defaultSection
    }

    /// Replaces a `~` that is the whole path or its first component; variables and other users' homes stay as written.
    package static func expandingTilde(_ path: String, home: String) -> String {
        path == "~" || path.hasPrefix("~/") ? home + path.dropFirst() : path
    }
}

extension [String: String] {
    func nonEmpty(_ name: String) -> String? { self[name].flatMap { $0.isEmpty ? nil : $0 } }
}
