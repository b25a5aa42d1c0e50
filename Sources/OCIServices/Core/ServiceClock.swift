// SPDX-License-Identifier: Apache-2.0
//
// How far this host's clock is off.
//
// Rule: OCI refuses signatures whose date is more than five minutes off, with a 401 that looks like that for a wrong key;
// and every answer has a Date.
// Consequence: an accepted answer is believed, each one anew. A refused one may come from anybody, so its time is only
// tried: it stays if the next signature is accepted, and goes if that is refused too.
// Consequence: no time is believed that is more than a day off, for a server that chose the dates of our signatures could
// keep them for later. A refusal with such a time says nothing of the credentials, so they are tried again.

/// The time of day as the services see it; pure, times are in seconds since 1970.
struct ServiceClock: Sendable {
    /// A smaller difference is no skew: the Date has whole seconds and the answer took its time.
    static let skewMinimumSeconds = 30
    /// Attempts that a refused call is worth for its date: with the time that the refusal suggests, and back with ours.
    static let repairCountMax = 2
    /// The largest difference that is believed.
    static let skewMaximumSeconds = 86_400

    /// What accepted answers have shown.
    private(set) var confirmedSeconds = 0
    /// What a refusal suggests, until the next answer.
    private var triedSeconds: Int?

    /// What is added to the host's time, in seconds.
    var offsetSeconds: Int { triedSeconds ?? confirmedSeconds }

    /// Takes the time of an answer that accepted a signature, nil if it names none.
    mutating func accepted(serverTime: Int?, hostTime: Int) {
        let told = Self.difference(serverTime, hostTime)
        let skew = told.flatMap { Self.isSkew($0, beside: offsetSeconds) ? $0 : nil }
        confirmedSeconds = skew ?? offsetSeconds
        triedSeconds = nil
    }

    /// Weighs the time of an answer that refused a signature; whether another signature is worth a try.
    mutating func refused(serverTime: Int?, hostTime: Int) -> Bool {
        if triedSeconds != nil {
            triedSeconds = nil
            return true
        }
        guard let serverTime else { return false }
        guard let difference = Self.difference(serverTime, hostTime) else { return true }
        guard Self.isSkew(difference, beside: confirmedSeconds) else { return false }
        triedSeconds = difference
        return true
    }

    private static func difference(_ serverTime: Int?, _ hostTime: Int) -> Int? {
        guard let serverTime else { return nil }
        let (difference, isOverflow) = serverTime.subtractingReportingOverflow(hostTime)
        return isOverflow || difference.magnitude > UInt(skewMaximumSeconds) ? nil : difference
    }

    private static func isSkew(_ difference: Int, beside offset: Int) -> Bool {
        abs(difference - offset) >= skewMinimumSeconds
    }
}
