// SPDX-License-Identifier: Apache-2.0

import HTTPWire
import Testing

/// RFC 9110 section 10.2.3.
@Suite struct RetryAfterTests {
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
        var headers: HeaderFields = [:]
        if let field { headers.append("Retry-After", field) }
        #expect(headers.retryAfter(now: 784_111_740, atMost: .seconds(60)) == delay)
    }
}
