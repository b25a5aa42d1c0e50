// SPDX-License-Identifier: Apache-2.0

internal import OCIProfile

/// How fast one lane of a service is called at present.
package struct RateReport: Sendable, Equatable {
    /// The service's name in its address.
    package let service: String
    /// The queue; `list` and `read` share a rate, and so do `delete` and `write`.
    package let lane: RateBuckets.Lane
    /// Calls a second that the lanes of this rate let through at most.
    package let perSecond: Double
    /// Calls that wait for their turn.
    package let waitingCount: Int
    /// Answers of 429 since the process began.
    package let throttledCount: Int

    /// Puts the facts together.
    package init(
        service: String,
        lane: RateBuckets.Lane,
        perSecond: Double,
        waitingCount: Int = 0,
        throttledCount: Int = 0
    ) {
        self.service = service
        self.lane = lane
        self.perSecond = perSecond
        self.waitingCount = waitingCount
        self.throttledCount = throttledCount
    }
}

extension ServiceCalls {
    /// The rates of all lanes in which calls were made, or wait, in a steady order.
    package var rates: [RateReport] {
        CloudService.allCases.flatMap { service in
            RateBuckets.Lane.allCases.compactMap { lane in report(of: lane, service) }
        }
    }

    private func report(of lane: RateBuckets.Lane, _ service: CloudService) -> RateReport? {
        guard let limiter = limiters[service] else { return nil }
        let operations = Operation.allCases.filter { $0.service == service && $0.lane == lane }
        let waitingCount = limiter.waitingCount(in: lane)
        guard waitingCount > 0 || operations.contains(where: { counts[$0] > 0 }) else { return nil }
        return RateReport(
            service: service.rawValue,
            lane: lane,
            perSecond: limiter.buckets.rate(of: lane),
            waitingCount: waitingCount,
            throttledCount: operations.reduce(0) { $0 + counts.throttledCount(of: $1) }
        )
    }
}
