// SPDX-License-Identifier: Apache-2.0

/// Turns the scheduler's wishes into a number of workers; fewer only after a while.
///
/// The rule is the Python worker manager's (Scaler 2.7.0 and later): missing workers start at once; surplus
/// ones stop when every wish for the length of the cooldown was below the number that live, and the wish
/// that holds then counts.
package struct UnitScaling: Hashable, Sendable {
    /// How long a surplus must last; zero acts at once.
    package let cooldown: Duration
    /// When the present streak of surplus wishes began.
    private var surplusSince: Duration?

    /// Makes a scaling that has seen no wish.
    package init(cooldown: Duration) {
        self.cooldown = cooldown
    }

    /// How many workers there should be, given the wish, those that live, and the time on any steady clock.
    package mutating func target(wished: Int, live: Int, now: Duration) -> Int {
        guard wished < live else {
            surplusSince = nil
            return wished
        }
        let since = surplusSince ?? now
        surplusSince = since
        guard now - since >= cooldown else { return live }
        surplusSince = nil
        return wished
    }
}
