// SPDX-License-Identifier: Apache-2.0

internal import Encodings

/// One line of a screen: pieces of text, each in a style, nothing in it that drives a terminal.
struct ScreenLine: Equatable, Sendable {
    enum Style: Equatable, Sendable {
        case plain, strong, faint, good, bad, reversed

        /// The parameters of SGR (ECMA-48 section 8.3.117).
        fileprivate var code: String {
            switch self {
            case .plain: ""
            case .strong: "1"
            case .faint: "2"
            case .good: "32"
            case .bad: "31"
            case .reversed: "7"
            }
        }
    }

    private struct Piece: Equatable, Sendable {
        var text: String
        let style: Style
    }

    private var pieces: [Piece] = []
    /// Columns that it takes.
    private(set) var width = 0

    init() {}

    /// A line of one style.
    init(_ text: String, _ style: Style = .plain) { add(text, style) }

    /// Adds a text, whoever wrote it: what could drive the terminal is shown by its number.
    mutating func add(_ text: String, _ style: Style = .plain) {
        let safe = Self.safe(text)
        pieces.append(Piece(text: safe, style: style))
        width += Self.width(of: safe)
    }

    /// Adds a text in a cell of so many columns: what is too long ends in three dots, what is short is filled up.
    mutating func addCell(_ text: String, _ columns: Int, _ style: Style = .plain, isRight: Bool = false) {
        let fitted = Self.fit(Self.safe(text), columns)
        let blank = String(repeating: " ", count: max(0, columns - Self.width(of: fitted)))
        add(isRight ? blank + fitted : fitted + blank, style)
    }

    /// The same line in `columns` columns at the most.
    func clipped(to columns: Int) -> ScreenLine {
        if width <= columns { return self }
        var line = ScreenLine()
        for piece in pieces {
            let room = columns - line.width
            if room <= 0 { break }
            line.add(
                Self.width(of: piece.text) <= room ? piece.text : Self.fit(piece.text, room),
                piece.style
            )
        }
        return line
    }

    /// The text alone, without blanks at its end.
    var text: String {
        var text = pieces.map(\.text).joined()
        while text.last == " " { text.removeLast() }
        return text
    }

    /// The line for a terminal.
    func drawn(inColour: Bool) -> String {
        // A reversed line is one although colours are not wanted: it is no colour.
        pieces.map { piece in
            let isShown = inColour || piece.style == .reversed || piece.style == .strong
            return piece.style == .plain || !isShown
                ? piece.text : "\u{1B}[\(piece.style.code)m\(piece.text)\u{1B}[0m"
        }.joined()
    }

    // MARK: - Columns

    /// So many marks may stand on one letter; there are texts with thousands.
    private static let markCountMax = 2

    /// One line, and nothing in it that drives a terminal.
    private static func safe(_ text: String) -> String {
        if text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) { return text }
        var oneLine = ""
        var markCount = 0
        for scalar in text.unicodeScalars {
            markCount = width(of: scalar) == 0 ? markCount + 1 : 0
            if markCount > Self.markCountMax { continue }
            oneLine.unicodeScalars.append(scalar == "\n" || scalar == "\t" ? " " : scalar)
        }
        return TerminalText.shown(oneLine)
    }

    static func width(of text: String) -> Int {
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return text.utf8.count }
        return text.unicodeScalars.reduce(0) { $0 + width(of: $1) }
    }

    /// The beginning of a text that fits, with three dots in place of what is left out.
    private static func fit(_ text: String, _ columns: Int) -> String {
        if width(of: text) <= columns { return text }
        let dots = columns > 3 ? "..." : ""
        var kept = String.UnicodeScalarView()
        var room = columns - dots.count
        for scalar in text.unicodeScalars {
            room -= width(of: scalar)
            if room < 0 { break }
            kept.append(scalar)
        }
        return String(kept) + dots
    }

    /// Marks that stand on the letter before take no column; the wide characters of East Asia and pictures take two (Unicode
    /// Standard Annex 11).
    private static func width(of scalar: Unicode.Scalar) -> Int {
        switch scalar.value {
        case ..<0x300: 1
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF,
            0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1FAFF, 0x20000...0x3FFFD:
            2
        default:
            switch scalar.properties.generalCategory {
            case .nonspacingMark, .enclosingMark: 0
            default: 1
            }
        }
    }
}
