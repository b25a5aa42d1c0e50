// SPDX-License-Identifier: Apache-2.0

/// A first-in first-out queue between pieces of work, with one receiver; the senders bound its length.
@LoopActor
package final class Mailbox<Element: Sendable> {
    private var elements: [Element] = []
    /// Index of the oldest element; the part before it is dropped now and then, so receiving is O(1).
    private var head = 0
    private let arrival = Wakeup()
    private var isClosed = false

    /// Makes an empty queue.
    package init() {}

    /// How many elements wait.
    package var count: Int { elements.count - head }

    /// Adds an element; after `close` it is dropped.
    package func send(_ element: Element) {
        if isClosed { return }
        elements.append(element)
        arrival.ring()
    }

    /// Lets the receiver take what is there and then end with `WaitError.closed`.
    package func close() {
        isClosed = true
        arrival.ring()
    }

    /// Takes the oldest element if there is one.
    package func poll() -> Element? {
        guard head < elements.count else { return nil }
        let element = elements[head]
        head += 1
        if head == elements.count {
            elements.removeAll(keepingCapacity: head <= 1024)
            head = 0
        } else if head >= 1024, head * 2 >= elements.count {
            elements.removeSubrange(..<head)
            head = 0
        }
        return element
    }

    /// Takes the oldest element, suspending while there is none.
    package func receive(until deadline: Deadline = .never) async throws(WaitError) -> Element {
        while true {
            if let element = poll() { return element }
            if isClosed { throw .closed }
            try await arrival.wait(until: deadline)
        }
    }
}
