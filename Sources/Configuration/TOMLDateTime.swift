// SPDX-License-Identifier: Apache-2.0

internal import Encodings

/// Tells whether a bare word is a TOML date, time or both (RFC 3339 with TOML's local forms); kept as text,
/// since no setting is one: the file's other sections may hold them.
enum TOMLDateTime {
    static func read(_ word: String) -> TOMLNode.Value? {
        var rest = Array(word.utf8)[...]
        let hasDate = date(&rest)
        if hasDate, rest.isEmpty { return .dateTime(word) }
        if hasDate {
            guard let mark = rest.popFirst(), mark == 0x54 || mark == 0x74 || mark == 0x20 else { return nil }
        }
        guard time(&rest) else { return nil }
        if rest.isEmpty { return .dateTime(word) }
        return hasDate && offset(rest) ? .dateTime(word) : nil
    }

    private static func date(_ bytes: inout ArraySlice<UInt8>) -> Bool {
        var rest = bytes
        guard let year = number(&rest, 4), mark(&rest, "-"), let month = number(&rest, 2), mark(&rest, "-"),
            let day = number(&rest, 2), (1...12).contains(month)
        else { return false }
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
        guard (1...days).contains(day) else { return false }
        bytes = rest
        return true
    }

    private static func time(_ rest: inout ArraySlice<UInt8>) -> Bool {
        guard let hour = number(&rest, 2), mark(&rest, ":"), let minute = number(&rest, 2), mark(&rest, ":"),
            let second = number(&rest, 2), hour < 24, minute < 60, second < 60
        else { return false }
        guard mark(&rest, ".") else { return true }
        guard number(&rest, 1) != nil else { return false }
        while number(&rest, 1) != nil {}
        return true
    }

    private static func offset(_ bytes: ArraySlice<UInt8>) -> Bool {
        var rest = bytes
        if mark(&rest, "Z") || mark(&rest, "z") { return rest.isEmpty }
        guard mark(&rest, "+") || mark(&rest, "-"), let hour = number(&rest, 2), mark(&rest, ":"),
            let minute = number(&rest, 2)
        else { return false }
        return hour < 24 && minute < 60 && rest.isEmpty
    }

    /// Exactly `count` digits, or nil with nothing consumed.
    private static func number(_ rest: inout ArraySlice<UInt8>, _ count: Int) -> Int? {
        let digits = rest.prefix(count)
        guard digits.count == count, digits.allSatisfy(\.isASCIIDigit) else { return nil }
        rest = rest.dropFirst(count)
        return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }

    private static func mark(_ rest: inout ArraySlice<UInt8>, _ character: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest = rest.dropFirst()
        return true
    }
}
