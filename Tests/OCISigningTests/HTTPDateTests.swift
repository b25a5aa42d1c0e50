// SPDX-License-Identifier: Apache-2.0
import OCISigning
import Testing

@Suite struct HTTPDateTests {
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
        #expect(HTTPDate.parse(text) == seconds)
    }

    @Test func `every day up to 2079 comes back, with the right weekday`() {
        var weekday = 3
        let names = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
        for day in 0..<40_000 {
            let text = HTTPDate.format(secondsSinceEpoch: day * 86_400 + 86_399)
            guard HTTPDate.parse(text) == day * 86_400 + 86_399, text.hasPrefix(names[weekday]) else {
                Issue.record("day \(day): \(text)")
                return
            }
            weekday = (weekday + 1) % 7
        }
    }

    @Test(
        arguments: [
            "", "Thu, 05 Jan 2023 21:31:40", "Thu, 05 Jan 2023 21:31:40 UTC", "Thu, 5 Jan 2023 21:31:40 GMT",
            "Thu 05 Jan 2023 21:31:40 GMT", "Thu, 05 jan 2023 21:31:40 GMT", "Thu, 05 Jan 23 21:31:40 GMT",
            "Thu, 29 Feb 2023 21:31:40 GMT", "Thu, 00 Jan 2023 21:31:40 GMT", "Thu, 05 Jan 2023 24:00:00 GMT",
            "Thu, 05 Jan 2023 21:60:00 GMT", "Thu, 05 Jan 2023 21:31 GMT", "Thu, 05 Jan 2023 21:31:+4 GMT",
            "Thu,  05 Jan 2023 21:31:40 GMT", "Thu, 05 Jan 2023 21:31:40 GMT ",
            "Xyz, 05 Jan 2023 21:31:40 GMT",
            "Thu, 05 Jan -023 21:31:40 GMT", "2023-01-05T21:31:40Z",
        ]
    )
    func `any other form is nil`(text: String) {
        #expect(HTTPDate.parse(text) == nil)
    }
}
