// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HTTPClient
import TestSupport
import Testing

@testable import OCIServices

@Suite struct RetryPolicyTests {
    private static let policy = RetryPolicy()

    private static func refusal(_ status: Int = 503, retryAfter: Duration? = nil) -> OCIError {
        .service(
            ServiceFailure(
                operation: .getContainer,
                status: status,
                code: status == 409 ? "IncorrectState" : nil,
                message: "",
                retryAfter: retryAfter
            )
        )
    }

    private static let silence = OCIError.transport(
        TransportFailure(
            operation: .getContainer,
            origin: HTTPOrigin(scheme: .http, host: "h"),
            error: .deadlinePassed(.head),
            attemptCount: 1
        )
    )

    private static let nonsense = OCIError.malformedAnswer(
        operation: .getContainer,
        opcRequestID: nil,
        reason: ""
    )

    @Test func `the bound doubles up to its maximum and delays fill it evenly`() {
        var random = SeededRandom(seed: 1)
        let bounds = [(1, 1.0), (2, 2), (3, 4), (4, 8), (5, 16), (6, 30), (7, 30), (1_000_000, 30)]
        for (failureCount, bound) in bounds {
            let delays = (0..<2000).map { _ in
                Self.policy.delay(after: failureCount, of: Self.refusal(), random: &random) / .seconds(1)
            }
            #expect(delays.allSatisfy { $0 >= 0 && $0 <= bound })
            let mean = delays.reduce(0, +) / 2000
            #expect(abs(mean / bound - 0.5) < 0.05)
        }
    }

    @Test func `what the server asks for is the least, up to a cap`() {
        var random = SeededRandom(seed: 2)
        func delay(after failureCount: Int, _ retryAfter: Duration) -> Duration {
            Self.policy.delay(
                after: failureCount,
                of: Self.refusal(retryAfter: retryAfter),
                random: &random
            )
        }
        #expect(delay(after: 1, .seconds(7)) == .seconds(7))
        #expect(delay(after: 1, .seconds(3600)) == .seconds(60))
        #expect(delay(after: 9, .zero) > .zero)
    }

    @Test func `a service that does not answer is asked again within seconds, however long it was away`() {
        var random = SeededRandom(seed: 3)
        let delays = (0..<2000).map { _ in
            Self.policy.delay(after: 50, of: Self.silence, random: &random) / .seconds(1)
        }
        #expect(delays.allSatisfy { $0 <= 5 })
        #expect(delays.contains { $0 > 4.9 })
    }

    @Test func `what repetition may mend is made again, and nothing else`() {
        var request = ServiceRequest(.getContainer, ["x"], scope: "x")
        func isRetried(_ error: OCIError, malformedCount: Int = 0, policy: RetryPolicy = Self.policy) -> Bool
        {
            policy.isRetried(error, request, attemptCount: 3, malformedCount: malformedCount)
        }
        for status in [408, 429, 500, 502, 503] { #expect(isRetried(Self.refusal(status)), "\(status)") }
        for status in [400, 401, 403, 404, 412, 413, 501] {
            #expect(!isRetried(Self.refusal(status)), "\(status)")
        }
        #expect(isRetried(Self.silence))
        #expect(isRetried(.authentication(.unreachable(""))))
        #expect(!isRetried(.authentication(.refused(""))))
        #expect(!isRetried(.cancelled) && !isRetried(.deadlinePassed(.getContainer)))
        #expect(isRetried(Self.nonsense, malformedCount: 2) && !isRetried(Self.nonsense, malformedCount: 3))
        #expect(!isRetried(Self.silence, policy: .tokens))
        #expect(isRetried(Self.refusal(409)))
        request.isIncorrectStateRetried = false
        #expect(!isRetried(Self.refusal(409)))
    }
}
