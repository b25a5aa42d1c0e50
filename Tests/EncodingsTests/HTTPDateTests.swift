// SPDX-License-Identifier: Apache-2.0

import Encodings
import Testing

/// RFC 9110 section 5.6.7.
@Suite struct HTTPDateTests {
    @Test(arguments: [
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777), ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
        ("Sun Nov  6 08:49:37 1994", 784_111_777), ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Thu, 29 Feb 2024 23:59:59 GMT", 1_709_251_199), ("Sat, 01 Mar 2025 00:00:00 GMT", 1_740_787_200),
        ("Sat, 31 Dec 2016 23:59:60 GMT", 1_483_228_800), ("Fri, 31 Dec 9999 23:59:59 GMT", 253_402_300_799),
        ("Monday, 01-Jan-29 00:00:00 GMT", 1_861_920_000),
    ])
    func `the three forms are understood`(text: String, seconds: Int) {
        #expect(HTTPDate.secondsSinceEpoch(text) == seconds)
    }

    @Test(arguments: [
        "", "now", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 32 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:49 GMT",
        "Sun, 06 Nov 199 08:49:37 GMT",
        "Sun, 06 Nov 19941994199419941994 08:49:37 GMT", "Sun, +6 Nov 1994 08:49:37 GMT",
        "Sun, 0 Nov 1994 08:49:37 GMT",
        "1994-11-06T08:49:37Z",
    ])
    func `anything else is no date`(text: String) {
        #expect(HTTPDate.secondsSinceEpoch(text) == nil)
    }

    /// From `email.utils.formatdate(t, usegmt=True)` of Python.
    @Test(
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (1_672_954_300, "Thu, 05 Jan 2023 21:31:40 GMT"),
            (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"), (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"), (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"), (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
        ]
    )
    func `known moments are written and read`(seconds: Int, text: String) {
        #expect(HTTPDate.format(secondsSinceEpoch: seconds) == text)
        #expect(HTTPDate.secondsSinceEpoch(text) == seconds)
    }

    @Test func `every day up to 2079 comes back, with the right weekday`() {
        var weekday = 3
        let names = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
        for day in 0..<40_000 {
            let text = HTTPDate.format(secondsSinceEpoch: day * 86_400 + 86_399)
            guard HTTPDate.secondsSinceEpoch(text) == day * 86_400 + 86_399, text.hasPrefix(names[weekday])
            else {
                Issue.record("day \(day): \(text)")
                return
            }
            weekday = (weekday + 1) % 7
        }
    }
}
