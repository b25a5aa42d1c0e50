// SPDX-License-Identifier: Apache-2.0

import OCIServices
import TestSupport
import Testing

@Suite struct RetryDelayTests {
    @Test func `the bound doubles up to its maximum and delays fill it evenly`() {
        var random = SeededRandom(seed: 1)
        let bounds = [(1, 1.0), (2, 2), (3, 4), (4, 8), (5, 16), (6, 30), (7, 30), (1_000_000, 30)]
        for (failureCount, bound) in bounds {
            let delays = (0..<2000).map { _ in
                RetryDelay().delay(after: failureCount, retryAfter: nil, random: &random) / .seconds(1)
            }
            #expect(delays.allSatisfy { $0 >= 0 && $0 <= bound })
            let mean = delays.reduce(0, +) / 2000
            #expect(abs(mean / bound - 0.5) < 0.05)
        }
    }

    @Test func `what the server asks for is the least, up to a cap`() {
        var random = SeededRandom(seed: 2)
        let delay = RetryDelay()
        #expect(delay.delay(after: 1, retryAfter: .seconds(7), random: &random) == .seconds(7))
        #expect(delay.delay(after: 1, retryAfter: .seconds(3600), random: &random) == .seconds(60))
        #expect(delay.delay(after: 9, retryAfter: .zero, random: &random) > .zero)
    }

    @Test func `a service that does not answer is asked again within seconds, however long it was away`() {
        var random = SeededRandom(seed: 3)
        let delays = (0..<2000).map { _ in
            RetryDelay().delay(after: 50, retryAfter: nil, isAnswered: false, random: &random) / .seconds(1)
        }
        #expect(delays.allSatisfy { $0 <= 5 })
        #expect(delays.contains { $0 > 4.9 })
    }
}
