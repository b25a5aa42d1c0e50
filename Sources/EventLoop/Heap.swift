// SPDX-License-Identifier: Apache-2.0

/// What a `Heap` holds: objects with an order among them, each of which keeps its place in the heap.
@LoopActor
protocol HeapElement: AnyObject {
    /// Whether this one is taken out before `other`; no two are equal.
    func goesBefore(_ other: Self) -> Bool

    /// The place in the heap, which the heap alone writes; -1 outside of one.
    var heapIndex: Int { get set }
}

/// A binary heap, from which any element can be taken, not only the first.
@LoopActor
struct Heap<Element: HeapElement> {
    private var elements: [Element] = []

    var first: Element? { elements.first }

    var count: Int { elements.count }

    mutating func insert(_ element: Element) {
        element.heapIndex = elements.count
        elements.append(element)
        siftUp(from: element.heapIndex)
    }

    /// Takes out an element; harmless for one that is not in the heap.
    mutating func remove(_ element: Element) {
        let index = element.heapIndex
        guard index >= 0 else { return }
        element.heapIndex = -1
        let last = elements.removeLast()
        guard index < elements.count else { return }
        put(last, at: index)
        siftUp(from: index)
        siftDown(from: last.heapIndex)
    }

    private mutating func put(_ element: Element, at index: Int) {
        elements[index] = element
        element.heapIndex = index
    }

    private mutating func siftUp(from start: Int) {
        let element = elements[start]
        var index = start
        while index > 0 {
            let parent = elements[(index - 1) / 2]
            guard element.goesBefore(parent) else { break }
            put(parent, at: index)
            index = (index - 1) / 2
        }
        put(element, at: index)
    }

    private mutating func siftDown(from start: Int) {
        let element = elements[start]
        var index = start
        while true {
            var child = 2 * index + 1
            guard child < elements.count else { break }
            if child + 1 < elements.count, elements[child + 1].goesBefore(elements[child]) { child += 1 }
            guard elements[child].goesBefore(element) else { break }
            put(elements[child], at: index)
            index = child
        }
        put(element, at: index)
    }
}
