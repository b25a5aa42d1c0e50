// SPDX-License-Identifier: Apache-2.0

internal import Encodings

/// A moment as services write it (RFC 3339), to the millisecond.
package struct Timestamp: Sendable, Comparable {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    package let millisecondsSinceEpoch: Int

    /// A moment given in milliseconds since 1970-01-01T00:00:00Z.
    package init(millisecondsSinceEpoch: Int) { self.millisecondsSinceEpoch = millisecondsSinceEpoch }

    /// Reads `2026-11-24T17:55:00.123456Z`, with any number of decimals or none, and with `Z` or an offset; nil for
    /// anything else: an age that cannot be told must not make a whole list unreadable.
    package init?(_ text: String) {
        var reader = Reader(bytes: Array(text.utf8))
        guard let year = reader.number(4), reader.take("-"),
            let month = reader.number(2), (1...12).contains(month), reader.take("-"),
            let day = reader.number(2), (1...31).contains(day),
            reader.take("T") || reader.take("t") || reader.take(" "),
            let hour = reader.number(2), hour < 24, reader.take(":"),
            let minute = reader.number(2), minute < 60, reader.take(":"),
            let second = reader.number(2), second <= 60,
            let milliseconds = reader.fraction(),
            let offsetMinutes = reader.offset(), reader.isAtEnd
        else { return nil }
        let days = CivilDate.daysSinceEpoch(year, month, day)
        let seconds = days * 86_400 + hour * 3600 + (minute - offsetMinutes) * 60 + second
        millisecondsSinceEpoch = seconds * 1000 + milliseconds
    }

    package static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.millisecondsSinceEpoch < right.millisecondsSinceEpoch
    }

    /// The time from `earlier` to this moment, negative if it lies before.
    package func duration(since earlier: Timestamp) -> Duration {
        .milliseconds(millisecondsSinceEpoch - earlier.millisecondsSinceEpoch)
    }
}

/// A cursor over the text; each function takes what it names or answers nil or false.
private struct Reader {
    let bytes: [UInt8]
    var position = 0

    var isAtEnd: Bool { position == bytes.count }

    mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard position < bytes.count, bytes[position] == UInt8(ascii: scalar) else { return false }
        position += 1
        return true
    }

    private mutating func digit() -> Int? {
        guard position < bytes.count, (0x30...0x39).contains(bytes[position]) else { return nil }
        position += 1
        return Int(bytes[position - 1] - 0x30)
    }

    mutating func number(_ digitCount: Int) -> Int? {
        var value = 0
        for _ in 0..<digitCount {
            guard let digit = digit() else { return nil }
            value = value * 10 + digit
        }
        return value
    }

    /// An optional point and digits, in milliseconds; what is finer is dropped.
    mutating func fraction() -> Int? {
        guard take(".") else { return 0 }
        guard var value = digit() else { return nil }
        var digitCount = 1
        while let digit = digit() {
            digitCount += 1
            if digitCount <= 3 { value = value * 10 + digit }
        }
        for _ in min(digitCount, 3)..<3 { value *= 10 }
        return value
    }

    mutating func offset() -> Int? {
        if take("Z") || take("z") { return 0 }
        let isBehind = take("-")
        guard isBehind || take("+"), let hours = number(2), take(":"), let minutes = number(2) else {
            return nil
        }
        return (hours * 60 + minutes) * (isBehind ? -1 : 1)
    }
}
