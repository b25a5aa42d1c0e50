// SPDX-License-Identifier: Apache-2.0

/// The date formats of HTTP (RFC 9110 section 5.6.7): the one that may be sent, and the two that must still be
/// understood.
package enum HTTPDate {
    private static let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]

    /// Returns the text for a number of seconds since 1970, such as `Thu, 05 Jan 2023 21:31:40 GMT`.
    package static func format(secondsSinceEpoch: Int) -> String {
        let days = secondsSinceEpoch.flooredQuotient(86_400)
        let second = secondsSinceEpoch - days * 86_400
        let (year, month, day) = CivilDate.ofDay(days)
        let weekday = weekdays[days - days.flooredQuotient(7) * 7]
        let (hours, minutes) = (padded(second / 3600, 2), padded(second / 60 % 60, 2))
        let time = "\(hours):\(minutes):\(padded(second % 60, 2))"
        return "\(weekday), \(padded(day, 2)) \(months[month - 1]) \(padded(year, 4)) \(time) GMT"
    }

    /// Seconds since 1970-01-01T00:00:00Z of a Date, Last-Modified or Retry-After value, or nil if it is none; the
    /// day of the week is not compared: it adds nothing and some servers get it wrong.
    package static func secondsSinceEpoch(_ text: String) -> Int? {
        let separators = [UInt8(ascii: " "), UInt8(ascii: ","), UInt8(ascii: "-")]
        let words = text.utf8.split { separators.contains($0) }.map { Substring($0) }
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

    private static func seconds(day: Substring, month: Substring, year: Substring, time: Substring) -> Int? {
        let clock = time.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            .map { Substring($0) }
        guard let day = number(day, 1...31), let month = months.firstIndex(of: String(month)),
            let year = Self.year(year), clock.count == 3,
            let hour = number(clock[0], 0...23),
            let minute = number(clock[1], 0...59),
            // 60 is a leap second.
            let second = number(clock[2], 0...60)
        else { return nil }
        return CivilDate.daysSinceEpoch(year, month + 1, day) * 86_400 + hour * 3600 + minute * 60 + second
    }

    /// Two digits are the RFC 850 form: 70 to 99 are of the twentieth century, as time here begins with 1970.
    private static func year(_ text: Substring) -> Int? {
        guard let year = number(text, 0...9999) else { return nil }
        switch text.utf8.count {
        case 4: return year
        case 2: return year < 70 ? year + 2000 : year + 1900
        default: return nil
        }
    }

    private static func number(_ text: Substring, _ range: ClosedRange<Int>) -> Int? {
        guard (1...4).contains(text.utf8.count), text.utf8.allSatisfy({ $0.isASCIIDigit }) else { return nil }
        let value = text.utf8.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
        return range.contains(value) ? value : nil
    }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        let missing = width - digits.utf8.count
        return missing > 0 ? String(repeating: "0" as Character, count: missing) + digits : digits
    }
}
