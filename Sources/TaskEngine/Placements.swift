// SPDX-License-Identifier: Apache-2.0

/// One place where an instance can be created.
package struct Placement: Hashable, Sendable {
    /// Full name, as the service has it.
    package let availabilityDomain: String
    /// OCID of the subnet.
    package let subnetID: String
    /// Name of the shape.
    package let shape: String

    /// Names a place.
    package init(availabilityDomain: String, subnetID: String, shape: String) {
        self.availabilityDomain = availabilityDomain
        self.subnetID = subnetID
        self.shape = shape
    }
}

/// The places to try, in order of preference, and which of them are known to be full.
///
/// "Out of host capacity" says that a place is full now; asking it again at once earns a rate limit. A full
/// place is left alone for a while that doubles each time it is found full again, up to a limit.
package struct Placements: Sendable {
    /// In order of preference; never empty.
    package let all: [Placement]
    private struct Fullness {
        var until: Duration
        var length: Duration
    }
    private var full: [Placement: Fullness] = [:]
    private let firstPause: Duration
    private let longestPause: Duration

    /// All combinations: shapes vary slowest, then availability domains, then subnets.
    package init(
        availabilityDomains: [String],
        subnetIDs: [String],
        shapes: [String],
        firstPause: Duration = .seconds(15),
        longestPause: Duration = .seconds(120)
    ) {
        var all: [Placement] = []
        for shape in shapes {
            for domain in availabilityDomains {
                for subnet in subnetIDs {
                    all.append(Placement(availabilityDomain: domain, subnetID: subnet, shape: shape))
                }
            }
        }
        precondition(!all.isEmpty, "no place to create an instance in")
        self.all = all
        self.firstPause = firstPause
        self.longestPause = longestPause
    }

    /// The first place not known to be full at `now`.
    package func first(at now: Duration) -> Placement? {
        all.first { (full[$0]?.until ?? .zero) <= now }
    }

    /// When the first of the full places is worth another try; `now` if one is free.
    package func nextTry(after now: Duration) -> Duration {
        if first(at: now) != nil { return now }
        return all.compactMap { full[$0]?.until }.min() ?? now
    }

    /// Remembers that `placement` was full at `now`; several answers to calls that overlapped count once.
    package mutating func markFull(_ placement: Placement, at now: Duration) {
        if let known = full[placement] {
            guard known.until <= now else { return }
            let length = min(known.length * 2, longestPause)
            full[placement] = Fullness(until: now + length, length: length)
        } else {
            full[placement] = Fullness(until: now + firstPause, length: firstPause)
        }
    }

    /// Forgets that `placement` was full: an instance was created there.
    package mutating func markFree(_ placement: Placement) {
        full[placement] = nil
    }
}
