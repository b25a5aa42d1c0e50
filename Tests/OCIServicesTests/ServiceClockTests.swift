// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import OCIServices

@Suite struct ServiceClockTests {
    @Test func `a small difference is no skew, a large one is kept, and may change again`() {
        var clock = ServiceClock()
        let answers = [
            (serverTime: 1029, hostTime: 1000, isChange: false, offset: 0),
            (1600, 1000, true, 600),
            (1710, 1100, false, 600),
            (1200, 1200, true, 0),
            (500, 1200, true, -700),
        ]
        for (serverTime, hostTime, isChange, offset) in answers {
            let isChanged = clock.correct(serverTime: serverTime, hostTime: hostTime)
            #expect(isChanged == isChange)
            #expect(clock.offsetSeconds == offset)
        }
    }
}
