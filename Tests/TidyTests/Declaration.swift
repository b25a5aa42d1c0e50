// SPDX-License-Identifier: Apache-2.0

/// One declaration, read from the line that its keyword is on: the formatter guarantees that a line starts at
/// most one, and that its last line is indented as the first.
struct Declaration: Sendable {
    /// Counted from 1.
    let line: Int
    let indentation: Int
    let modifiers: [String]
    /// `func`, `init`, `struct`, `get` and so on.
    let keyword: String
    /// The name alone: `send`, `==`, `Cloud.Record` of an extension; empty for what has none.
    let name: String
    /// Lines from the first to the brace that closes its body; nil without a body of several lines.
    let length: Int?

    var isPrivate: Bool { modifiers.contains("private") || modifiers.contains("fileprivate") }
    var isPackage: Bool { modifiers.contains("package") }
    var isType: Bool { Self.types.contains(keyword) }
    var isExtension: Bool { keyword == "extension" }

    private static let types: Set = ["struct", "enum", "class", "actor", "protocol", "typealias"]
    private static let bodies: Set = [
        "func", "init", "subscript", "deinit", "var", "let", "get", "set", "willSet", "didSet", "_read",
        "_modify",
    ]
    private static let others: Set = ["extension", "case", "associatedtype"]
    private static let modifiers: Set = [
        "package", "private", "fileprivate", "internal", "public", "open", "static", "final", "indirect",
        "override", "mutating", "nonmutating", "borrowing", "consuming", "convenience", "required", "lazy",
        "weak", "unowned", "nonisolated", "nonisolated(unsafe)", "private(set)", "package(set)",
        "fileprivate(set)", "isolated", "dynamic", "optional", "prefix", "postfix", "unsafe",
    ]

    /// Whether it is code that runs: function, initialiser, subscript, accessor, or a property with a block.
    var runs: Bool { Self.bodies.contains(keyword) }

    static func all(in code: [String]) -> [Self] {
        code.indices.compactMap { Self(code, at: $0) }
    }

    private init?(_ code: [String], at index: Int) {
        var words = code[index].split(separator: " ")[...]
        var modifiers: [String] = []
        while let word = words.first {
            if word.hasPrefix("@") {
                // The arguments of an attribute may hold spaces.
                var depth = Self.depth(of: word)
                words = words.dropFirst()
                while depth > 0, let next = words.first {
                    depth += Self.depth(of: next)
                    words = words.dropFirst()
                }
            } else if Self.modifiers.contains(String(word)) {
                modifiers.append(String(word))
                words = words.dropFirst()
            } else if word == "class", words.dropFirst().first.map({ $0 == "func" || $0 == "var" }) == true {
                words = words.dropFirst()
            } else {
                break
            }
        }
        guard let word = words.first else { return nil }
        let keyword = word.prefix { $0.isLetter || $0 == "_" }
        guard Self.types.union(Self.bodies).union(Self.others).contains(String(keyword)) else { return nil }
        let rest = word.dropFirst(keyword.count)
        // `get {`, `init?(`, `subscript(`: only these are followed by something other than a space.
        guard rest.isEmpty || ["init", "subscript", "set", "deinit"].contains(keyword) else { return nil }
        if ["get", "set", "willSet", "didSet", "_read", "_modify"].contains(keyword), words.last != "{",
            words.last != "in"
        {
            return nil
        }
        let isName: (Character) -> Bool = {
            $0.isLetter || $0.isNumber || $0 == "_" || $0 == "." || $0 == "`"
        }
        let named = rest.isEmpty ? (words.dropFirst().first ?? "") : ""
        let name = named.prefix(while: isName)
        self.line = index + 1
        self.indentation = code[index].prefix { $0 == " " }.count
        self.modifiers = modifiers
        self.keyword = String(keyword)
        self.name =
            name.isEmpty ? String(named.prefix { $0 != "(" && $0 != "<" || named.count < 3 }) : String(name)
        self.length = Self.bodies.contains(self.keyword) ? Self.length(code, from: index) : nil
    }

    private static func depth(of word: Substring) -> Int {
        word.count { $0 == "(" } - word.count { $0 == ")" }
    }

    private static func length(_ code: [String], from start: Int) -> Int? {
        let indentation = code[start].prefix { $0 == " " }.count
        for index in code.indices.dropFirst(start + 1) {
            let text = code[index].drop { $0 == " " }
            let depth = code[index].count - text.count
            guard let first = text.first, first != "#", depth <= indentation else { continue }
            guard depth == indentation else { return nil }
            if first == "}" { return index - start + 1 }
            // The end of a list of parameters or of elements, or the brace below a long signature.
            let goesOn = [")", "]", "{", "->", "where ", ">"].contains { text.hasPrefix($0) }
            guard goesOn else { return nil }
        }
        return nil
    }
}
