// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Encodings

@Suite struct CivilDateTests {
    /// Ends of months, leap days and centuries; the numbers are Python's `date(y, m, d).toordinal() - 719163`.
    @Test(arguments: [
        ((1970, 1, 1), 0), ((1969, 12, 31), -1), ((1970, 3, 1), 59), ((2000, 2, 29), 11_016),
        ((2000, 3, 1), 11_017), ((1900, 2, 28), -25_509), ((1900, 3, 1), -25_508), ((2100, 2, 28), 47_540),
        ((2100, 3, 1), 47_541), ((2024, 12, 31), 20_088), ((1, 1, 1), -719_162), ((9999, 12, 31), 2_932_896),
    ])
    func `known dates have their numbers, both ways`(_ date: (year: Int, month: Int, day: Int), _ days: Int) {
        #expect(CivilDate.daysSinceEpoch(date.year, date.month, date.day) == days)
        #expect(CivilDate.ofDay(days) == date)
    }

    @Test func `every day of an era of 400 years follows the day before it`() {
        var previous = CivilDate.ofDay(-135_081)
        for days in -135_080...11_017 {
            let date = CivilDate.ofDay(days)
            let isNextDay = date.day == previous.day + 1 && date.month == previous.month
            let isNextMonth =
                date.day == 1 && previous.day >= 28 && date.month == previous.month % 12 + 1
                && date.year == previous.year + (previous.month == 12 ? 1 : 0)
            #expect(isNextDay || isNextMonth, "\(previous) and \(date)")
            #expect(CivilDate.daysSinceEpoch(date.year, date.month, date.day) == days)
            previous = date
        }
    }

    @Test func `division rounds down on both sides of zero`() {
        let expected = [(-8, -3), (-7, -3), (-6, -2), (-4, -2), (-3, -1), (-1, -1), (0, 0), (2, 0), (3, 1)]
        for (number, quotient) in expected { #expect(number.flooredQuotient(3) == quotient, "\(number)") }
    }
}
