// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Logging
import TaskEngine
import TestSupport
import Testing

@testable import Tasks

@Suite(.timeLimit(.minutes(1))) struct LaunchQueueTests {
    private static let cloudIsFull = "warning the cloud has no room; tasks wait for it"
    private static let cloudHasRoom = "info no task waits for room any more"

    /// A queue of one place, or of several, and what came through it.
    @LoopActor
    private final class Stage {
        let log = RecordedLog(level: .info)
        let queue: LaunchQueue
        let turn = Placements.Turn(
            Placement(availabilityDomain: "AD-1", subnetID: "subnet", shape: "shape")
        )
        /// Numbers of the waits that came through, in order.
        private(set) var through: [Int] = []
        private let came = Broadcast()

        init(domains: [String] = ["AD-1"], pause: Duration = .seconds(3600)) {
            let placements = Placements(
                availabilityDomains: domains,
                subnetIDs: ["subnet"],
                shapes: ["shape"],
                pauses: Placements.Pauses(hardware: pause, others: pause)
            )
            queue = LaunchQueue(placements, log: log.logger)
        }

        /// Waits for a turn under a number; nil when cancelled.
        func enter(_ number: Int) -> Spawned<Placements.Turn?> {
            spawn {
                guard let turn = try? await self.queue.turn() else { return nil }
                self.through.append(number)
                self.came.send()
                return turn
            }
        }

        /// Takes as many places as there are without waiting.
        func takeAll() async throws {
            for number in 0..<8 { _ = enter(number) }
            try await waitFor(8)
        }

        func waitFor(_ count: Int) async throws {
            while through.count < count { try await came.wait(until: soon) }
        }

        /// Lets whoever could come through do so.
        func settle() async {
            for _ in 0..<20 { await yieldToOthers() }
        }
    }

    @Test func `creates that only wait for others to be answered go in order, and wait for no room`()
        async throws
    {
        try await onLoop {
            let stage = Stage()
            try await stage.takeAll()
            for number in 8..<14 {
                _ = stage.enter(number)
                await stage.settle()
            }
            #expect(stage.through.count == 8)
            #expect(stage.queue.waitingCount == 0)
            // Each that succeeds lets another through in its place, and one more.
            for count in [10, 12, 14] {
                stage.queue.created(stage.turn)
                try await stage.waitFor(count)
                await stage.settle()
                #expect(stage.through == Array(0..<count))
            }
            #expect(stage.log.messages.isEmpty)
        }
    }

    @Test func `the next place is tried at once when one is full`() async throws {
        try await onLoop {
            let stage = Stage(domains: ["AD-1", "AD-2"])
            let first = try await stage.queue.turn()
            #expect(first.placement.availabilityDomain == "AD-1")
            stage.queue.full(first, .capacity, refusal: [:])
            #expect(try await stage.queue.turn().placement.availabilityDomain == "AD-2")
            #expect(stage.queue.waitingCount == 0)
        }
    }

    @Test func `a full place is tried again by one when its pause is over, then by more`() async throws {
        try await onLoop {
            let stage = Stage(pause: .milliseconds(50))
            let turn = try await stage.queue.turn()
            let pauseOver = Deadline.after(.milliseconds(50))
            stage.queue.full(turn, .capacity, refusal: [:])
            for number in 0..<3 { _ = stage.enter(number) }
            await stage.settle()
            #expect(stage.through.isEmpty || pauseOver.isPast)
            try await stage.waitFor(1)
            #expect(pauseOver.isPast)
            await stage.settle()
            #expect(stage.through == [0])
            stage.queue.created(turn)
            try await stage.waitFor(3)
            #expect(stage.through == [0, 1, 2])
        }
    }

    @Test func `where a limit is reached each instance that is gone lets one create through`() async throws {
        try await onLoop {
            let stage = Stage()
            stage.queue.full(try await stage.queue.turn(), .limit, refusal: [:])
            for number in 0..<3 { _ = stage.enter(number) }
            await stage.settle()
            #expect(stage.queue.waitingCount == 3)
            for count in 1...2 {
                stage.queue.roomFreed()
                try await stage.waitFor(count)
                await stage.settle()
                #expect(stage.through == Array(0..<count))
                #expect(stage.queue.waitingCount == 3 - count)
            }
        }
    }

    @Test func `where hardware is short an instance of ours that is gone helps nobody`() async throws {
        try await onLoop {
            let stage = Stage()
            stage.queue.full(try await stage.queue.turn(), .capacity, refusal: [:])
            let waiting = stage.enter(0)
            await stage.settle()
            stage.queue.roomFreed()
            await stage.settle()
            #expect(stage.through.isEmpty)
            waiting.cancel()
            #expect(await waiting.value == nil)
        }
    }

    @Test func `a place that turned out full long after a create is left for the next`() async throws {
        try await onLoop {
            let stage = Stage(domains: ["AD-1", "AD-2"])
            let first = try await stage.queue.turn()
            stage.queue.created(first)
            stage.queue.turnedOutFull(first.placement, .capacity, refusal: [:])
            #expect(try await stage.queue.turn().placement.availabilityDomain == "AD-2")
        }
    }

    @Test func `one that is cancelled leaves the queue, and the others keep their order`() async throws {
        try await onLoop {
            let stage = Stage()
            try await stage.takeAll()
            let cancelled = stage.enter(8)
            _ = stage.enter(9)
            _ = stage.enter(10)
            await stage.settle()
            cancelled.cancel()
            #expect(await cancelled.value == nil)
            stage.queue.created(stage.turn)
            stage.queue.created(stage.turn)
            try await stage.waitFor(10)
            #expect(stage.through == [0, 1, 2, 3, 4, 5, 6, 7, 9, 10])
        }
    }

    @Test func `a place that is given in the moment of the cancel is not lost`() async throws {
        try await onLoop {
            let stage = Stage()
            try await stage.takeAll()
            let cancelled = stage.enter(8)
            _ = stage.enter(9)
            await stage.settle()
            stage.queue.nothingLearned(of: stage.turn)
            cancelled.cancel()
            // Either the turn came first, and the place is given back as after any create, or the queue takes it back.
            let turn = await cancelled.value
            if let turn { stage.queue.nothingLearned(of: turn) }
            try await stage.waitFor(turn == nil ? 9 : 10)
            #expect(stage.through.last == 9)
        }
    }

    @Test func `that tasks wait for room is told once a minute, and once that none does any more`()
        async throws
    {
        try await onLoop {
            let stage = Stage()
            let turn = try await stage.queue.turn()
            stage.queue.full(turn, .limit, refusal: ["error": "no room"])
            for number in 0..<3 {
                _ = stage.enter(number)
                await stage.settle()
            }
            #expect(stage.log.messages == [Self.cloudIsFull])
            stage.queue.roomFreed()
            try await stage.waitFor(1)
            stage.queue.full(turn, .limit, refusal: ["error": "no room"])
            await stage.settle()
            #expect(stage.log.messages == [Self.cloudIsFull])
            for count in 2...3 {
                stage.queue.roomFreed()
                try await stage.waitFor(count)
            }
            await stage.settle()
            #expect(stage.log.messages == [Self.cloudIsFull, Self.cloudHasRoom])
            // The minute is not over.
            _ = stage.enter(3)
            await stage.settle()
            #expect(stage.log.messages == [Self.cloudIsFull, Self.cloudHasRoom])
        }
    }
}
