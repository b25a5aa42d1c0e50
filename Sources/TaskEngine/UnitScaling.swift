// SPDX-License-Identifier: Apache-2.0

/// Turns the numbers of workers that the scheduler desires into one to keep; fewer only after a while.
///
/// The rule is the Python worker manager's (Scaler 2.7.0 and later): missing workers start at once; surplus
/// ones stop when every desired number for the length of the cooldown was below the number that live, and the one
/// that holds then counts.
package struct UnitScaling: Hashable, Sendable {
    /// How long a surplus must last; zero acts at once.
    package let cooldown: Duration
    /// When the present streak of surplus began.
    private var surplusSince: Duration?

    /// Makes a scaling that has seen no desired number.
    package init(cooldown: Duration) { self.cooldown = cooldown }

    /// How many workers there should be, given the desired number, those that live, and the time on any steady clock.
    package mutating func target(desired: Int, live: Int, now: Duration) -> Int {
        guard desired < live else {
            surplusSince = nil
            return desired
        }
        let since = surplusSince ?? now
        surplusSince = since
        guard now - since >= cooldown else { return live }
        surplusSince = nil
        return desired
    }
}
