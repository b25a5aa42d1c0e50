// SPDX-License-Identifier: Apache-2.0

/// A value of a TOML document and the line its key stands on, so that every error can point at it.
struct TOMLNode {
    /// The kinds of TOML 1.0; dates stay text, since no setting is one.
    enum Value {
        case string(String)
        case integer(Int64)
        case float(Double)
        case boolean(Bool)
        case dateTime(String)
        case array([TOMLNode])
        case table(TOMLTable)
        /// What `[[name]]` headers build; unlike `array` it may still grow.
        case tables(TOMLTables)
    }

    var value: Value
    var line: Int

    /// What to call this value when it is of the wrong kind, such as "the decimal number 2.5".
    var description: String {
        switch value {
        case .string(let text): "the string \"\(text)\""
        case .integer(let number): "the whole number \(number)"
        case .float(let number): "the decimal number \(number)"
        case .boolean(let flag): "the boolean \(flag)"
        case .dateTime(let text): "the date or time \(text)"
        case .array: "an array"
        case .table: "a table"
        case .tables: "an array of tables"
        }
    }
}

/// A table under construction or finished: keys in the order of the file.
///
/// A class, because headers and dotted keys reach back into tables made earlier; it never leaves the thread
/// that parses.
final class TOMLTable {
    /// How a table came to be, which decides who may still add to it (TOML 1.0, "Table" and "Inline Table").
    enum Definition {
        /// Named only as a part of a longer header: a header of its own may still define it, once.
        case implied
        /// Had its own `[header]`: dotted keys under other headers may not add to it.
        case header
        /// Made by a dotted key: no header may define or extend it.
        case dotted
        /// Written as `{...}`: closed for ever.
        case inline
    }

    var definition: Definition
    let line: Int
    private(set) var keys: [String] = []
    private var nodes: [String: TOMLNode] = [:]

    init(_ definition: Definition, line: Int) {
        self.definition = definition
        self.line = line
    }

    subscript(key: String) -> TOMLNode? {
        get { nodes[key] }
        set {
            if nodes[key] == nil, newValue != nil { keys.append(key) }
            nodes[key] = newValue
        }
    }
}

/// The growing array behind `[[name]]`; a class, so that each header appends in place and a file of n headers
/// costs n steps.
final class TOMLTables {
    private(set) var all: [TOMLTable]

    init(first: TOMLTable) { all = [first] }

    func append(_ table: TOMLTable) { all.append(table) }

    /// The table that `[name.more]` headers extend; there always is one.
    var last: TOMLTable { all[all.count - 1] }
}

/// Why a text is not TOML 1.0: the place (lines and columns count from 1, columns in bytes) and the reason.
struct TOMLError: Error, Equatable {
    let line: Int
    let column: Int
    let reason: String
}
