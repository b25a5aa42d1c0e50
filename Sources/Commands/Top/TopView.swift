// SPDX-License-Identifier: Apache-2.0

/// A key that was pressed.
enum TopKey: Equatable, Sendable {
    case character(Character)
    case up, down, pageUp, pageDown, first, last
    case enter, escape, erase

    /// The keys that bytes of a terminal stand for; those of no use here are left out.
    ///
    /// A sequence of a key (ECMA-48 section 5.4) comes whole, as terminals send it; an escape that nothing follows is the key.
    static func keys(in bytes: [UInt8]) -> [TopKey] {
        var keys: [TopKey] = []
        var rest = Array(String(decoding: bytes, as: UTF8.self).unicodeScalars)[...]
        while let scalar = rest.popFirst() {
            switch scalar {
            case "\u{1B}": if let key = sequence(&rest) { keys.append(key) }
            case "\r", "\n": keys.append(.enter)
            case "\u{7F}", "\u{8}": keys.append(.erase)
            default:
                if scalar.value >= 0x20, scalar != "\u{FFFD}" { keys.append(.character(Character(scalar))) }
            }
        }
        return keys
    }

    private static func sequence(_ rest: inout ArraySlice<Unicode.Scalar>) -> TopKey? {
        guard let introducer = rest.first, introducer == "[" || introducer == "O" else { return .escape }
        rest.removeFirst()
        var parameters = ""
        while let scalar = rest.popFirst() {
            guard (0x40...0x7E).contains(scalar.value) else {
                parameters.unicodeScalars.append(scalar)
                continue
            }
            return switch (scalar, parameters) {
            case ("A", _): .up
            case ("B", _): .down
            case ("H", _), ("~", "1"), ("~", "7"): .first
            case ("F", _), ("~", "4"), ("~", "8"): .last
            case ("~", "5"): .pageUp
            case ("~", "6"): .pageDown
            default: nil
            }
        }
        return nil
    }
}

/// What the person has chosen to see: order, filter and place in the list of tasks; pure.
struct TopView: Equatable, Sendable {
    enum Sort: String, CaseIterable, Sendable { case seconds, state, task, manager }

    enum Answer: Equatable, Sendable { case redraw, quit, ignore }

    private static let filterCountMax = 60

    var sort = Sort.seconds
    var isReversed = false
    /// Only tasks with this in their id, state, instance or manager are shown; empty for all.
    var filter = ""
    /// The filter as it is being typed; nil while it is not.
    var typed: String?
    /// How many tasks are above the first that is shown.
    var offset = 0
    /// How many tasks were shown last, for a page.
    var pageCount = 10

    /// Obeys a key.
    mutating func press(_ key: TopKey) -> Answer {
        if let text = typed { return edit(text, key) }
        switch key {
        case .character("q"), .character("Q"): return .quit
        case .character("s"): sort = Sort.allCases[(position + 1) % Sort.allCases.count]
        case .character("r"): isReversed.toggle()
        case .character("/"): typed = filter
        case .escape: filter = ""
        case .up, .character("k"): offset = max(0, offset - 1)
        case .down, .character("j"): offset += 1
        case .pageUp: offset = max(0, offset - pageCount)
        case .pageDown, .character(" "): offset += pageCount
        case .first, .character("g"): offset = 0
        case .last, .character("G"): offset = StatusSnapshot.numberMax
        default: return .ignore
        }
        return .redraw
    }

    private var position: Int { Sort.allCases.firstIndex(of: sort) ?? 0 }

    private mutating func edit(_ text: String, _ key: TopKey) -> Answer {
        switch key {
        case .enter:
            filter = text
            typed = nil
            offset = 0
        case .escape: typed = nil
        case .erase: typed = String(text.dropLast())
        case .character(let character):
            if text.count < Self.filterCountMax { typed = text + String(character) }
        default: return .ignore
        }
        return .redraw
    }

    /// The tasks that pass the filter, in order; of equals, the order of the document.
    func chosen(of tasks: [StatusSnapshot.Task]) -> [StatusSnapshot.Task] {
        let found = tasks.enumerated().filter { _, task in
            filter.isEmpty
                || [task.id, task.state, task.instance, task.manager].contains { $0.contains(filter) }
        }
        let sorted = found.sorted { left, right in
            let order = Self.order(left.element, right.element, sort)
            if order == 0 { return left.offset < right.offset }
            return isReversed ? order > 0 : order < 0
        }
        return sorted.map(\.element)
    }

    /// Below zero where `left` comes first: the longest in its state, or by name.
    private static func order(_ left: StatusSnapshot.Task, _ right: StatusSnapshot.Task, _ sort: Sort) -> Int
    {
        func compared<Value: Comparable>(_ left: Value, _ right: Value) -> Int {
            left < right ? -1 : left > right ? 1 : 0
        }
        return switch sort {
        case .seconds: compared(right.seconds, left.seconds)
        case .state: compared(left.state, right.state)
        case .task: compared(left.id, right.id)
        case .manager: compared(left.manager, right.manager)
        }
    }
}
