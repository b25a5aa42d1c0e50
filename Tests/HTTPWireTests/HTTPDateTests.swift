// SPDX-License-Identifier: Apache-2.0

import HTTPWire
import Testing

/// RFC 9110 sections 5.6.7 and 10.2.3.
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

    @Test(
        arguments: [
            (nil, nil), ("7", .seconds(7)), ("0", .zero), ("61", .seconds(60)),
            ("99999999999999999999", .seconds(60)),
            ("-1", nil), ("1.5", nil), ("", nil), ("soon", nil),
            ("Sun, 06 Nov 1994 08:49:37 GMT", .seconds(37)),
            ("Sun, 06 Nov 1994 08:48:00 GMT", .zero), ("Sun, 06 Nov 2094 08:48:00 GMT", .seconds(60)),
        ] as [(String?, Duration?)]
    )
    func `Retry-After is honoured up to the caller's patience [366, 1594, 1595, 1596]`(
        field: String?,
        delay: Duration?
    ) {
        var headers = HeaderFields()
        if let field { headers.append("Retry-After", field) }
        #expect(headers.retryAfter(now: 784_111_740, atMost: .seconds(60)) == delay)
    }
}
