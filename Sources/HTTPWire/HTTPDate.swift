// SPDX-License-Identifier: Apache-2.0

/// Reads the date formats of HTTP (RFC 9110 section 5.6.7): the one that may be sent, and the two that must still
/// be understood.
package enum HTTPDate {
    /// Seconds since 1970-01-01T00:00:00Z of a Date, Last-Modified or Retry-After value, or nil if it is none.
    ///
    /// The day of the week is not compared: it adds nothing and some servers get it wrong.
    package static func secondsSinceEpoch(_ text: String) -> Int? {
        let words = text.split { $0 == " " || $0 == "," || $0 == "-" }
        if words.count == 6, words[5] == "GMT" {
            // Sun, 06 Nov 1994 08:49:37 GMT, or Sunday, 06-Nov-94 08:49:37 GMT (RFC 850)
            return seconds(day: words[1], month: words[2], year: words[3], time: words[4])
        }
        if words.count == 5 {
            // Sun Nov  6 08:49:37 1994 (asctime)
            return seconds(day: words[2], month: words[1], year: words[4], time: words[3])
        }
        return nil
    }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    private static func seconds(
        day: Substring,
        month: Substring,
        year: Substring,
        time: Substring
    ) -> Int? {
        let clock = time.split(separator: ":", omittingEmptySubsequences: false)
        guard let day = number(day, 1...31), let month = months.firstIndex(of: String(month)),
            let year = Self.year(year), clock.count == 3,
            let hour = number(clock[0], 0...23),
            let minute = number(clock[1], 0...59),
            // 60 is a leap second.
            let second = number(clock[2], 0...60)
        else { return nil }
        return daysSinceEpoch(year, month + 1, day) * 86_400 + hour * 3600 + minute * 60 + second
    }

    /// Two digits are the RFC 850 form, in which nothing but the twentieth century was ever meant to be written.
    private static func year(_ text: Substring) -> Int? {
        guard let year = number(text, 0...9999) else { return nil }
        switch text.utf8.count {
        case 4: return year
        case 2: return year < 70 ? year + 2000 : year + 1900
        default: return nil
        }
    }

    private static func number(_ text: Substring, _ range: ClosedRange<Int>) -> Int? {
        guard (1...4).contains(text.utf8.count) else { return nil }
        var value = 0
        for byte in text.utf8 {
            guard let digit = Grammar.decimalDigit(byte) else { return nil }
            value = value * 10 + digit
        }
        return range.contains(value) ? value : nil
    }

    /// Days from 1970-01-01 in the Gregorian calendar, counted in years that begin in March so that the leap day is
    /// the last.
    private static func daysSinceEpoch(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let marchYear = month > 2 ? year : year - 1
        let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        let leapDays = marchYear / 4 - marchYear / 100 + marchYear / 400
        return marchYear * 365 + leapDays + dayOfYear - 719_468
    }
}

extension HeaderFields {
    /// How long the server asks us to wait (Retry-After, RFC 9110 section 10.2.3), at most `maximum`.
    ///
    /// It may be a number of seconds or a date, which is compared with `now` in seconds since 1970. Nil if the field
    /// is absent or says nothing sensible; zero for a date that has passed.
    package func retryAfter(now: Int, atMost maximum: Duration) -> Duration? {
        guard let text = self["retry-after"] else { return nil }
        if !text.isEmpty, text.utf8.allSatisfy({ Grammar.decimalDigit($0) != nil }) {
            // What Int32 cannot hold is longer than any patience.
            return min(.seconds(Int32(text) ?? .max), maximum)
        }
        guard let date = HTTPDate.secondsSinceEpoch(text) else { return nil }
        return min(.seconds(max(date - now, 0)), maximum)
    }
}
