// SPDX-License-Identifier: Apache-2.0

/// The time of day as the services see it.
///
/// OCI refuses signatures whose date is more than five minutes off. The Date of its answers tells how far off we
/// are; the difference is kept for all later signatures.
package struct ServiceClock: Sendable {
    /// A smaller difference is no skew: the Date has whole seconds and the answer took its time.
    static let skewMinimumSeconds = 30

    /// What is added to the host's time, in seconds.
    package private(set) var offsetSeconds = 0

    /// A clock that trusts the host's.
    package init() {}

    /// Takes the server's time from an answer that refused a signature; whether that changed the offset.
    package mutating func correct(serverTime: Int, hostTime: Int) -> Bool {
        let difference = serverTime - hostTime
        guard abs(difference - offsetSeconds) >= Self.skewMinimumSeconds else { return false }
        offsetSeconds = difference
        return true
    }
}
