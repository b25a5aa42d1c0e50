// SPDX-License-Identifier: Apache-2.0

/// Hands out a fixed number of slots to waiting tasks: the higher priority first, equals in order of arrival.
///
/// A cancelled task leaves the heap lazily: its entry is skipped when it comes to the top, so leaving costs
/// nothing however many wait.
package struct Admission<ID: Hashable & Sendable>: Sendable {
    private struct Entry {
        let id: ID
        let priority: Int32
        let arrival: UInt64

        func goesBefore(_ other: Entry) -> Bool {
            priority != other.priority ? priority > other.priority : arrival < other.arrival
        }
    }

    /// A binary heap; the entry that goes first is at index 0.
    private var heap: [Entry] = []
    /// The arrival number of each task that still waits; an entry whose number differs is void.
    private var waiting: [ID: UInt64] = [:]
    private var arrivals: UInt64 = 0

    /// How many slots there are.
    package let slotCount: Int
    /// How many slots are taken; more than there are only by tasks that brought their own.
    package private(set) var takenCount = 0
    /// How many slots are held by what runs although no task here stands for it; it may yet be asked for.
    package var heldCount = 0

    /// Makes an admission of `slotCount` slots, at least one.
    package init(slotCount: Int) {
        precondition(slotCount > 0, "without a slot no task would ever run")
        self.slotCount = slotCount
    }

    /// How many tasks wait.
    package var waitingCount: Int {
        waiting.count
    }

    /// Whether a slot is free.
    package var hasRoom: Bool {
        takenCount + heldCount < slotCount
    }

    /// Adds a task to those that wait.
    package mutating func enqueue(_ id: ID, priority: Int32) {
        precondition(waiting[id] == nil, "a task waits once")
        arrivals += 1
        waiting[id] = arrivals
        heap.append(Entry(id: id, priority: priority, arrival: arrivals))
        siftUp(heap.count - 1)
    }

    /// Removes a task from those that wait; false if it was not one of them.
    package mutating func remove(_ id: ID) -> Bool {
        guard waiting.removeValue(forKey: id) != nil else { return false }
        if waiting.isEmpty { heap.removeAll() }
        return true
    }

    /// Gives a free slot to the task that goes first, if there is a slot and a task.
    package mutating func admitNext() -> ID? {
        guard hasRoom else { return nil }
        while let entry = popFirst() {
            guard waiting[entry.id] == entry.arrival else { continue }
            waiting.removeValue(forKey: entry.id)
            takenCount += 1
            return entry.id
        }
        return nil
    }

    /// Gives a task that waits a slot, whether or not one is free: what it goes on with held one; false if it does not
    /// wait.
    package mutating func admit(_ id: ID) -> Bool {
        guard remove(id) else { return false }
        takenCount += 1
        return true
    }

    /// Gives a slot back.
    package mutating func release() {
        precondition(takenCount > 0, "more slots given back than were taken")
        takenCount -= 1
    }

    private mutating func popFirst() -> Entry? {
        guard let first = heap.first else { return nil }
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            siftDown()
        }
        return first
    }

    private mutating func siftUp(_ start: Int) {
        var index = start
        while index > 0 {
            let parent = (index - 1) / 2
            guard heap[index].goesBefore(heap[parent]) else { return }
            heap.swapAt(index, parent)
            index = parent
        }
    }

    private mutating func siftDown() {
        var index = 0
        while true {
            var first = index
            for child in [2 * index + 1, 2 * index + 2] where child < heap.count {
                if heap[child].goesBefore(heap[first]) { first = child }
            }
            if first == index { return }
            heap.swapAt(index, first)
            index = first
        }
    }
}
