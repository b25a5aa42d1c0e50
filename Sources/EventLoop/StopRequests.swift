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
        /// Write down how things stand; then `reportEnded` says what is next.
        case report
    }

    /// How long after the first another one is its copy; a person who means it waits longer, or asks once more.
    package static let copyPeriod: Duration = .seconds(2)

    private var first: Deadline?
    private var reportBegan: Deadline?

    /// No wish yet.
    package init() {}

    /// Notes a signal to stop, whichever, that came at `now`; one that `wantsReport` before anything is changed is no more than that
    /// until the report is written, so that any other begins the stop.
    package mutating func received(at now: Deadline, wantsReport: Bool = false) -> Meaning {
        if let first { return now < first + Self.copyPeriod ? .copy : .second }
        guard wantsReport, reportBegan.map({ now < $0 + Self.copyPeriod }) ?? true else {
            first = now
            return .first
        }
        if reportBegan != nil { return .copy }
        reportBegan = now
        return .report
    }

    /// Notes that the report is written at `now`; the stop begins unless it has begun meanwhile.
    package mutating func reportEnded(at now: Deadline) -> Meaning {
        if first != nil { return .copy }
        first = now
        return .first
    }
}
