// SPDX-License-Identifier: Apache-2.0

/// A Swift file taken apart: for each line what is code and what is comment.
///
/// Contents of string literals are in neither (interpolated expressions are code), so that a word in a literal breaks no rule.
struct SwiftText: Sendable {
    private(set) var code: [String] = []
    private(set) var comments: [String] = []

    private enum Mode {
        case code
        case interpolation(parentheses: Int)
        case string(hashes: Int, isMultiline: Bool)
        case lineComment
        case blockComment
    }

    init(_ lines: [String]) {
        var modes: [Mode] = [.code]
        for line in lines {
            if modes.count == 1, !line.utf8.contains(UInt8(ascii: "\"")),
                !line.utf8.contains(UInt8(ascii: "/"))
            {
                // Nothing begins here that is not code: most lines.
                self.code.append(line)
                comments.append("")
                continue
            }
            var code: [UInt8] = []
            var comment: [UInt8] = []
            var rest = Array(line.utf8)[...]
            while !rest.isEmpty {
                Self.step(&rest, &modes, &code, &comment)
            }
            while case .lineComment? = modes.last { modes.removeLast() }
            // A literal that ends with its line, or a quotation mark that the scanner misread.
            while case .string(_, isMultiline: false)? = modes.last { modes.removeLast() }
            self.code.append(String(decoding: code, as: UTF8.self))
            self.comments.append(String(decoding: comment, as: UTF8.self))
        }
    }

    private static func step(
        _ rest: inout ArraySlice<UInt8>,
        _ modes: inout [Mode],
        _ code: inout [UInt8],
        _ comment: inout [UInt8]
    ) {
        let first = rest[rest.startIndex]
        switch modes[modes.count - 1] {
        case .lineComment:
            comment += rest
            rest = []
        case .blockComment:
            if rest.starts(with: "*/".utf8) {
                modes.removeLast()
                rest = rest.dropFirst(2)
            } else {
                comment.append(first)
                rest = rest.dropFirst()
            }
        case .string(let hashes, let isMultiline):
            stepInString(&rest, &modes, hashes: hashes, isMultiline: isMultiline, &code)
        case .interpolation(let parentheses) where first == UInt8(ascii: ")") && parentheses == 0:
            modes.removeLast()
            code += " ".utf8
            rest = rest.dropFirst()
        case .interpolation, .code:
            stepInCode(&rest, &modes, &code)
        }
    }

    private static func stepInString(
        _ rest: inout ArraySlice<UInt8>,
        _ modes: inout [Mode],
        hashes: Int,
        isMultiline: Bool,
        _ code: inout [UInt8]
    ) {
        let marks = String(repeating: "#", count: hashes)
        let end = (isMultiline ? "\"\"\"" : "\"") + marks
        if rest.starts(with: end.utf8) {
            modes.removeLast()
            code.append(UInt8(ascii: "\""))
            rest = rest.dropFirst(end.utf8.count)
        } else if rest.starts(with: "\\\(marks)(".utf8) {
            modes.append(.interpolation(parentheses: 0))
            code += " ".utf8
            rest = rest.dropFirst(2 + hashes)
        } else {
            rest = rest.dropFirst(hashes == 0 && rest.first == UInt8(ascii: "\\") ? 2 : 1)
        }
    }

    private static func stepInCode(
        _ rest: inout ArraySlice<UInt8>,
        _ modes: inout [Mode],
        _ code: inout [UInt8]
    ) {
        let first = rest[rest.startIndex]
        let hashes = rest.prefix { $0 == UInt8(ascii: "#") }.count
        let afterHashes = rest.dropFirst(hashes)
        if rest.starts(with: "//".utf8) {
            modes.append(.lineComment)
        } else if rest.starts(with: "/*".utf8) {
            modes.append(.blockComment)
            rest = rest.dropFirst(2)
        } else if afterHashes.first == UInt8(ascii: "\"") {
            let isMultiline = afterHashes.starts(with: "\"\"\"".utf8)
            modes.append(.string(hashes: hashes, isMultiline: isMultiline))
            code.append(UInt8(ascii: "\""))
            rest = afterHashes.dropFirst(isMultiline ? 3 : 1)
        } else {
            if case .interpolation(let parentheses) = modes[modes.count - 1] {
                let change = first == UInt8(ascii: "(") ? 1 : first == UInt8(ascii: ")") ? -1 : 0
                modes[modes.count - 1] = .interpolation(parentheses: parentheses + change)
            }
            code.append(first)
            rest = rest.dropFirst()
        }
    }
}
