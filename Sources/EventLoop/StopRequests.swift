// SPDX-License-Identifier: Apache-2.0

/// Tells a wish to stop from the same wish that arrives twice, and from a second wish.
///
/// Rule: `timeout`, some supervisors and a terminal that closes signal the process and its group, or with two signals, so
/// that one wish arrives twice. Taken for a second wish, the copy would leave everything behind.
package struct StopRequests: Sendable {
    /// What a signal to stop means.
    package enum Meaning: Sendable {
        /// Stop in order.
        case first
        /// The copy of the first: nothing to do.
        case copy
        /// Stop at once.
        case second
    }

    /// How long after the first another one is its copy; a person who means it waits longer, or asks once more.
    package static let copyPeriod: Duration = .seconds(2)

    private var first: Deadline?

    /// No wish yet.
    package init() {}

    /// Notes a signal to stop, whichever, that came at `now`.
    package mutating func received(at now: Deadline) -> Meaning {
        guard let first else {
            self.first = now
            return .first
        }
        return now < first + Self.copyPeriod ? .copy : .second
    }
}
