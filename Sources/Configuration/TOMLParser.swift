// SPDX-License-Identifier: Apache-2.0

internal import Encodings

/// Reads TOML 1.0 (toml.io/en/v1.0.0) from bytes.
///
/// Why a reader of our own: an error about a setting must name the line it stands on, and the TOML libraries within
/// reach of a Linux Swift program give positions for syntax errors only, bring a C++ runtime and Foundation, double the
/// size of the binary, and end strings at the first NUL. What a worker manager needs is four files.
///
/// Hostile bytes: UTF-8 is checked first, nesting is bounded by `depthMax`, and every step consumes a byte,
/// so a document of n bytes is read in O(n) steps and ends in a table or in one `TOMLError`.
struct TOMLParser {
    /// Arrays and inline tables inside each other, and parts of one dotted key.
    ///
    /// toml++ stops at 256; a setting needs two, and at 64 no thread's stack is in danger.
    static let depthMax = 64

    let bytes: [UInt8]
    var position = 0
    var depth = 0
    private var line = 1
    private var lineStart = 0

    /// The document's root table, or where and why the bytes are not TOML.
    static func parse(_ bytes: [UInt8]) throws(TOMLError) -> TOMLTable {
        var parser = TOMLParser(bytes)
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw parser.error("the file is not UTF-8")
        }
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { parser.position = 3 }
        return try parser.document()
    }

    private init(_ bytes: [UInt8]) { self.bytes = bytes }

    // MARK: - Statements

    private mutating func document() throws(TOMLError) -> TOMLTable {
        let root = TOMLTable(.header, line: 1)
        var current = root
        while true {
            skipBlanks()
            switch peek {
            case nil: return root
            case UInt8(ascii: "["): current = try header(root)
            case UInt8(ascii: "#"), UInt8(ascii: "\n"), UInt8(ascii: "\r"): break
            default: try keyValue(into: current)
            }
            try endOfLine()
        }
    }

    /// `[a.b]` or `[[a.b]]`: the table that the following lines fill.
    private mutating func header(_ root: TOMLTable) throws(TOMLError) -> TOMLTable {
        position += 1
        let isArray = peek == UInt8(ascii: "[")
        if isArray { position += 1 }
        skipBlanks()
        let path = try keyPath()
        try expect("]", "a header ends with ]")
        if isArray { try expect("]", "an array-of-tables header ends with ]]") }
        var table = root
        for key in path.dropLast() { table = try tableInHeader(table, key) }
        let last = path[path.count - 1]
        return isArray ? try appendTable(table, last) : try openTable(table, last)
    }

    /// Walks one part of a header's path, making implied tables as needed; arrays are entered at their last table.
    private func tableInHeader(_ table: TOMLTable, _ key: String) throws(TOMLError) -> TOMLTable {
        switch table[key]?.value {
        case nil: return add(.implied, to: table, key)
        case .table(let inner) where inner.definition != .inline: return inner
        case .tables(let inner): return inner.last
        default: throw error("\(key) is not a table that can be extended")
        }
    }

    private func add(_ definition: TOMLTable.Definition, to table: TOMLTable, _ key: String) -> TOMLTable {
        let made = TOMLTable(definition, line: line)
        table[key] = TOMLNode(value: .table(made), line: line)
        return made
    }

    private func openTable(_ table: TOMLTable, _ key: String) throws(TOMLError) -> TOMLTable {
        guard let node = table[key] else { return add(.header, to: table, key) }
        guard case .table(let inner) = node.value, inner.definition == .implied else {
            throw error("\(key) is already defined on line \(node.line)")
        }
        inner.definition = .header
        return inner
    }

    private func appendTable(_ table: TOMLTable, _ key: String) throws(TOMLError) -> TOMLTable {
        let made = TOMLTable(.header, line: line)
        guard let node = table[key] else {
            table[key] = TOMLNode(value: .tables(TOMLTables(first: made)), line: line)
            return made
        }
        guard case .tables(let tables) = node.value else {
            throw error("\(key) is already defined on line \(node.line), not by [[\(key)]]")
        }
        tables.append(made)
        return made
    }

    /// `a.b = value`, in a table's body or an inline table.
    mutating func keyValue(into table: TOMLTable) throws(TOMLError) {
        let start = line
        let path = try keyPath()
        try expect("=", "a key is followed by =")
        skipBlanks()
        var table = table
        for key in path.dropLast() { table = try tableInDottedKey(table, key) }
        let last = path[path.count - 1]
        if let earlier = table[last] { throw error("\(last) is already defined on line \(earlier.line)") }
        table[last] = TOMLNode(value: try value(), line: start)
    }

    private func tableInDottedKey(_ table: TOMLTable, _ key: String) throws(TOMLError) -> TOMLTable {
        guard let node = table[key] else { return add(.dotted, to: table, key) }
        guard case .table(let inner) = node.value, inner.definition == .dotted || inner.definition == .implied
        else { throw error("\(key) is already defined on line \(node.line)") }
        // A header named it only in passing; from here on it belongs to dotted keys, and no header may reopen it.
        inner.definition = .dotted
        return inner
    }

    // MARK: - Keys

    private mutating func keyPath() throws(TOMLError) -> [String] {
        var path = [try key()]
        skipBlanks()
        while peek == UInt8(ascii: ".") {
            guard path.count < Self.depthMax else {
                throw error("more than \(Self.depthMax) parts in one key")
            }
            position += 1
            skipBlanks()
            path.append(try key())
            skipBlanks()
        }
        return path
    }

    private mutating func key() throws(TOMLError) -> String {
        switch peek {
        case UInt8(ascii: "\""): return try basicString()
        case UInt8(ascii: "'"): return try literalString()
        default:
            let bare = take { $0.isASCIIAlphanumeric || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-") }
            guard !bare.isEmpty else { throw error("a key is expected here") }
            return bare
        }
    }

    // MARK: - Arrays and inline tables

    /// Runs `body` one level deeper, within `depthMax`.
    private mutating func nested<Result>(
        _ body: (inout TOMLParser) throws(TOMLError) -> Result
    ) throws(TOMLError) -> Result {
        guard depth < Self.depthMax else {
            throw error("more than \(Self.depthMax) values inside each other")
        }
        depth += 1
        defer { depth -= 1 }
        position += 1
        return try body(&self)
    }

    mutating func array() throws(TOMLError) -> TOMLNode.Value {
        try nested { parser throws(TOMLError) in
            var items: [TOMLNode] = []
            while true {
                try parser.skipBlankLines()
                if parser.skip("]") { return .array(items) }
                let line = parser.line
                items.append(TOMLNode(value: try parser.value(), line: line))
                try parser.skipBlankLines()
                if parser.skip(",") { continue }
                try parser.expect("]", "array items are parted by , and end with ]")
                return .array(items)
            }
        }
    }

    mutating func inlineTable() throws(TOMLError) -> TOMLNode.Value {
        try nested { parser throws(TOMLError) in
            let table = TOMLTable(.inline, line: parser.line)
            parser.skipBlanks()
            if parser.skip("}") { return .table(table) }
            repeat {
                parser.skipBlanks()
                try parser.keyValue(into: table)
                parser.skipBlanks()
            } while parser.skip(",")
            try parser.expect("}", "inline table entries are parted by , and end with } on the same line")
            return .table(table)
        }
    }

    // MARK: - Bytes

    var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    func peek(_ offset: Int) -> UInt8? { position + offset < bytes.count ? bytes[position + offset] : nil }

    func error(_ reason: String) -> TOMLError {
        TOMLError(line: line, column: position - lineStart + 1, reason: reason)
    }

    /// Steps over the newline at the position, LF or CRLF; every line of the document is counted here.
    mutating func skipNewline() -> Bool {
        let isPair = peek == UInt8(ascii: "\r") && peek(1) == UInt8(ascii: "\n")
        guard isPair || peek == UInt8(ascii: "\n") else { return false }
        position += isPair ? 2 : 1
        line += 1
        lineStart = position
        return true
    }

    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard peek == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ character: Unicode.Scalar, _ rule: String) throws(TOMLError) {
        guard skip(character) else { throw error(rule) }
    }

    mutating func take(while isWanted: (UInt8) -> Bool) -> String {
        let start = position
        while let byte = peek, isWanted(byte) { position += 1 }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private mutating func skipBlanks() {
        while peek == UInt8(ascii: " ") || peek == UInt8(ascii: "\t") { position += 1 }
    }

    /// Inside an array newlines and comments count as blanks.
    private mutating func skipBlankLines() throws(TOMLError) {
        while true {
            skipBlanks()
            try skipComment()
            guard skipNewline() else { return }
        }
    }

    private mutating func skipComment() throws(TOMLError) {
        guard skip("#") else { return }
        while let byte = peek, byte != UInt8(ascii: "\n") {
            if byte == UInt8(ascii: "\r"), peek(1) == UInt8(ascii: "\n") { return }
            guard !Self.isControl(byte) else { throw error("a control character in a comment") }
            position += 1
        }
    }

    private mutating func endOfLine() throws(TOMLError) {
        skipBlanks()
        try skipComment()
        guard skipNewline() || peek == nil else { throw error("the line should end here") }
    }

    /// Bytes that TOML allows nowhere unescaped; the tab is the exception.
    static func isControl(_ byte: UInt8) -> Bool { (byte < 0x20 && byte != 0x09) || byte == 0x7F }
}
