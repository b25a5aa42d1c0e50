// SPDX-License-Identifier: Apache-2.0

/// Tasks in the order of the moments at which the time of each is over; pure.
///
/// A task that was settled before its moment stays until it is the first, so that nothing is ever searched.
struct DueTasks {
    private var entries: [(task: TaskKey, moment: Duration)] = []
    /// How many of the entries are gone; they are dropped now and then, so that taking one costs the same however many wait.
    private var head = 0

    /// The task whose time is over first.
    var first: (task: TaskKey, moment: Duration)? { head < entries.count ? entries[head] : nil }

    /// How many there are, those included that were settled behind the first.
    var count: Int { entries.count - head }

    /// Adds a task whose moment does not lie before those of the others.
    mutating func append(_ task: TaskKey, at moment: Duration) { entries.append((task, moment)) }

    /// Drops the first.
    mutating func removeFirst() {
        head += 1
        if head == entries.count || head >= 1024 && head * 2 >= entries.count {
            entries.removeSubrange(..<head)
            head = 0
        }
    }
}
