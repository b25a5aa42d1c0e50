// SPDX-License-Identifier: Apache-2.0

import OCIServices
import Testing

@Suite struct TimestampTests {
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.5Z", 500),
        ("2026-11-24T17:55:00.123456789Z", 1_795_542_900_123),
        ("2026-11-24T19:55:00.123+02:00", 1_795_542_900_123),
        ("2026-11-24T12:25:00-05:30", 1_795_542_900_000),
        ("2026-11-24 17:55:00z", 1_795_542_900_000),
        ("2000-02-29T00:00:00Z", 951_782_400_000),
        ("1969-12-31T23:59:59Z", -1000),
    ])
    func `a moment reads to the millisecond`(text: String, milliseconds: Int) {
        #expect(Timestamp(text)?.millisecondsSinceEpoch == milliseconds)
    }

    @Test(arguments: [
        "", "now", "2026-11-24", "2026-11-24T17:55Z", "2026-11-24T17:55:00", "2026-13-24T17:55:00Z",
        "2026-11-32T17:55:00Z", "2026-11-24T24:00:00Z", "2026-11-24T17:60:00Z", "2026-11-24T17:55:00.Z",
        "2026-11-24T17:55:00+0200", "2026-11-24T17:55:00ZZ", "1764006900", "2026-11-24T17:55:00.12x",
    ])
    func `anything else is no moment`(text: String) {
        #expect(Timestamp(text) == nil)
    }
}
