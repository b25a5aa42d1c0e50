// SPDX-License-Identifier: Apache-2.0

import TaskEngine
import Testing

@Suite struct AdmissionTests {
    @Test func `the higher priority goes first, equals in order of arrival`() {
        var admission = Admission<String>(slotCount: 10)
        for (id, priority) in [("a", Int32(0)), ("b", 5), ("c", 0), ("d", 5), ("e", -1)] {
            admission.enqueue(id, priority: priority)
        }
        var order: [String] = []
        while let id = admission.admitNext() { order.append(id) }
        #expect(order == ["b", "d", "a", "c", "e"])
    }

    @Test func `no priority ever passes the number of slots`() {
        var admission = Admission<Int>(slotCount: 2)
        for number in 0..<5 { admission.enqueue(number, priority: Int32(number)) }
        #expect(admission.admitNext() == 4)
        #expect(admission.admitNext() == 3)
        #expect(admission.admitNext() == nil)
        admission.release()
        admission.enqueue(99, priority: .max)
        #expect(admission.admitNext() == 99)
        #expect(admission.admitNext() == nil)
    }

    @Test func `a task that left is not admitted, not even when it came back at another place`() {
        var admission = Admission<Int>(slotCount: 3)
        admission.enqueue(1, priority: 9)
        admission.enqueue(2, priority: 5)
        let wasWaiting = admission.remove(1)
        #expect(wasWaiting)
        let isGoneAlready = !admission.remove(1)
        #expect(isGoneAlready)
        admission.enqueue(1, priority: 0)
        #expect(admission.admitNext() == 2)
        #expect(admission.admitNext() == 1)
        #expect(admission.admitNext() == nil)
    }

    @Test func `random use agrees with a sorted list`() {
        let seed = UInt64.random(in: .min ... .max)
        var random = SplitMix(seed: seed)
        var admission = Admission<Int>(slotCount: .max)
        var model: [(id: Int, priority: Int32)] = []
        for id in 0..<5_000 {
            switch random.next() % 4 {
            case 0, 1:
                let priority = Int32(truncatingIfNeeded: Int(random.next() % 7)) - 3
                admission.enqueue(id, priority: priority)
                let place = model.firstIndex { $0.priority < priority } ?? model.count
                model.insert((id, priority), at: place)
            case 2:
                guard let victim = model.indices.randomElement(using: &random) else { continue }
                let id = model.remove(at: victim).id
                let wasWaiting = admission.remove(id)
                #expect(wasWaiting, "seed \(seed)")
            default:
                #expect(
                    admission.admitNext() == (model.isEmpty ? nil : model.removeFirst().id),
                    "seed \(seed)"
                )
            }
            #expect(admission.waitingCount == model.count, "seed \(seed)")
        }
    }

    @Test func `a slot that is held without a task here is free for none`() {
        var admission = Admission<Int>(slotCount: 2)
        for id in 0..<3 { admission.enqueue(id, priority: 0) }
        admission.heldCount = 1
        #expect(admission.admitNext() == 0)
        #expect(admission.admitNext() == nil)
        #expect(!admission.hasRoom)
        admission.heldCount = 0
        #expect(admission.admitNext() == 1)
        #expect(admission.admitNext() == nil)
    }

    @Test func `a task that brings its own slot passes those that wait, once`() {
        var admission = Admission<Int>(slotCount: 1)
        for id in 0..<3 { admission.enqueue(id, priority: 0) }
        #expect(admission.admitNext() == 0)
        let isAdmitted = admission.admit(2)
        let isAdmittedAgain = admission.admit(2)
        #expect(isAdmitted && !isAdmittedAgain)
        #expect(admission.takenCount == 2)
        admission.release()
        #expect(admission.admitNext() == nil)
        admission.release()
        #expect(admission.admitNext() == 1)
        #expect(admission.waitingCount == 0)
    }
}

/// A small seeded generator (SplitMix64), so that a failure can be repeated.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
