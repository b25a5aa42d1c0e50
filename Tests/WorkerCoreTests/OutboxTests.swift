// SPDX-License-Identifier: Apache-2.0

import EventLoop
import TestSupport
import Testing

@testable import WorkerCore

@Suite(.timeLimit(.minutes(1))) struct OutboxTests {
    @Test func `an echo confirms what was sent before its heartbeat, and nothing later`() async throws {
        try await onLoop {
            let outbox = Outbox()
            let before = outbox.add([1])
            outbox.heartbeatSent()
            let after = outbox.add([2])
            #expect(!before.isOpen)
            outbox.echoReceived()
            #expect(before.isOpen)
            #expect(!after.isOpen)
            #expect(outbox.messages == [[2]])
        }
    }

    @Test func `an echo without a heartbeat confirms nothing`() async throws {
        try await onLoop {
            let outbox = Outbox()
            let message = outbox.add([1])
            outbox.echoReceived()
            #expect(!message.isOpen)
        }
    }

    @Test func `what is kept comes out in order until it is confirmed`() async throws {
        try await onLoop {
            let outbox = Outbox()
            for number in UInt8(0)..<5 { _ = outbox.add([number]) }
            outbox.lineBroke(mayStillEcho: false)
            #expect(outbox.messages == [[0], [1], [2], [3], [4]])
        }
    }

    @Test func `settling ends when all that was there is confirmed, or at its deadline`() async throws {
        try await onLoop {
            let outbox = Outbox()
            #expect(await outbox.settle(until: soon))
            _ = outbox.add([1])
            #expect(await !outbox.settle(until: .now))
            outbox.heartbeatSent()
            let settled = spawn { await outbox.settle(until: soon) }
            await yieldToOthers()
            _ = outbox.add([2])
            outbox.echoReceived()
            #expect(await settled.value)
        }
    }

    @Test(arguments: UInt64(0)..<20)
    func `nothing is confirmed that a breaking line lost, and all is in the end`(_ seed: UInt64) async throws
    {
        try await onLoop {
            var random = SeededRandom(seed: seed)
            let line = BreakingLine()
            for _ in 0..<300 {
                switch Int.random(in: 0..<10, using: &random) {
                case 0...2: line.sendMessage()
                case 3...4: line.sendHeartbeat()
                case 5...6: line.schedulerReads()
                case 7: line.echoArrives()
                case 8: line.breaks(losing: Double.random(in: 0...1, using: &random))
                default: line.mends()
                }
            }
            line.mends()
            for _ in 0...line.lostHeartbeatCount {
                line.sendHeartbeat()
                line.rest()
            }
            #expect(line.confirmations.allSatisfy { $0.latch.isOpen })
            #expect(line.outbox.messages.isEmpty)
        }
    }
}

/// An outbox, a scheduler, and a line between them that breaks; every confirmation is held against what was read.
@LoopActor
private final class BreakingLine {
    private enum Item {
        case message(UInt8)
        case heartbeat
    }

    let outbox = Outbox()
    private(set) var confirmations: [(number: UInt8, latch: Latch)] = []
    /// What the scheduler has not read yet.
    private var underWay: [Item] = []
    private var read: Set<UInt8> = []
    private var echoCount = 0
    private var isBroken = false
    /// How many heartbeats will never be echoed.
    private(set) var lostHeartbeatCount = 0

    func sendMessage() {
        guard let number = UInt8(exactly: confirmations.count) else { return }
        confirmations.append((number, outbox.add([number])))
        underWay.append(.message(number))
    }

    // libzmq keeps what is sent while it has no connection, and sends it on the next one.
    func sendHeartbeat() {
        underWay.append(.heartbeat)
        if isBroken { outbox.heartbeatSentOnBrokenLine() } else { outbox.heartbeatSent() }
    }

    func schedulerReads() {
        if isBroken || underWay.isEmpty { return }
        switch underWay.removeFirst() {
        case .message(let number): read.insert(number)
        case .heartbeat: echoCount += 1
        }
    }

    func echoArrives() {
        guard echoCount > 0 else { return }
        echoCount -= 1
        outbox.echoReceived()
        for (number, latch) in confirmations where latch.isOpen {
            #expect(read.contains(number), "confirmed before it was read")
        }
    }

    /// The kernel had taken a share of what was under way; some echoes may be here already.
    func breaks(losing share: Double) {
        if isBroken { return }
        isBroken = true
        for item in underWay.prefix(Int(Double(underWay.count) * share)) {
            if case .heartbeat = item { lostHeartbeatCount += 1 }
            underWay.removeFirst()
        }
        let lostEchoCount = Int(Double(echoCount) * share)
        echoCount -= lostEchoCount
        lostHeartbeatCount += lostEchoCount
        outbox.lineBroke(mayStillEcho: true)
    }

    func mends() {
        guard isBroken else { return }
        isBroken = false
        for message in outbox.messages { underWay.append(.message(message[0])) }
    }

    /// Everything under way arrives.
    func rest() {
        while !underWay.isEmpty { schedulerReads() }
        while echoCount > 0 { echoArrives() }
    }
}
