// SPDX-License-Identifier: Apache-2.0

/// One deadline that something waits for; calls back once, never before its time, unless stopped first.
@LoopActor
package final class LoopTimer: HeapElement {
    let deadline: Deadline
    /// Timers of one deadline ring in the order in which they were armed.
    fileprivate let order: UInt64
    private let process: SimulatedProcess?
    private var callback: (@LoopActor () -> Void)?
    var heapIndex = -1

    /// Arms a timer.
    package init(_ deadline: Deadline, _ callback: @escaping @LoopActor () -> Void) {
        self.deadline = deadline
        self.callback = callback
        process = SimulatedProcess.current
        order = LoopTimers.nextOrder()
        LoopTimers.heap.insert(self)
        process?.armedTimerCount += 1
    }

    /// Disarms; the callback is not called any more.
    package func stop() {
        guard callback != nil else { return }
        LoopTimers.heap.remove(self)
        process?.armedTimerCount -= 1
        callback = nil
    }

    func goesBefore(_ other: LoopTimer) -> Bool {
        deadline == other.deadline ? order < other.order : deadline < other.deadline
    }

    /// Arms it again after its process stood still, unless it was stopped meanwhile.
    func rearm() { if callback != nil { LoopTimers.heap.insert(self) } }

    fileprivate func ring() {
        if let process, process.isFrozen {
            LoopTimers.heap.remove(self)
            return process.heldTimers.append(self)
        }
        let callback = self.callback
        stop()
        SimulatedProcess.run(as: process) { callback?() }
    }
}

/// All timers that are armed.
@LoopActor
enum LoopTimers {
    fileprivate(set) static var heap = Heap<LoopTimer>()
    private static var lastOrder: UInt64 = 0

    fileprivate static func nextOrder() -> UInt64 {
        lastOrder += 1
        return lastOrder
    }

    /// When the next one rings.
    static var nextDeadline: Deadline? { heap.first?.deadline }

    /// Calls back those whose time has come and that were armed before the call.
    static func ringDue() {
        guard heap.first != nil else { return }
        let (now, last) = (Deadline.now, lastOrder)
        while let first = heap.first, first.deadline <= now, first.order <= last {
            first.ring()
        }
    }
}
