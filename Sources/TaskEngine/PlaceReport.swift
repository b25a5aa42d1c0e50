// SPDX-License-Identifier: Apache-2.0

/// What there is to say of one place where instances can be created.
package struct PlaceReport: Sendable, Equatable {
    /// Which one.
    package let placement: Placement
    /// Creates that are not answered yet.
    package let underWayCount: Int
    /// Creates that it has taken since the process began.
    package let createdCount: Int
    /// Creates that it has refused since then, by reason, those among them that were taken at first.
    package let refusalCounts: [Placements.Fullness: Int]
    /// Why it is held back at present; empty where it is not.
    package let full: [Placements.Fullness]
    /// How long until it is asked again, where it is held back; zero if it may be now.
    package let nextProbe: Duration?

    /// Puts the facts together.
    package init(
        placement: Placement,
        underWayCount: Int = 0,
        createdCount: Int = 0,
        refusalCounts: [Placements.Fullness: Int] = [:],
        full: [Placements.Fullness] = [],
        nextProbe: Duration? = nil
    ) {
        self.placement = placement
        self.underWayCount = underWayCount
        self.createdCount = createdCount
        self.refusalCounts = refusalCounts
        self.full = full
        self.nextProbe = nextProbe
    }
}
