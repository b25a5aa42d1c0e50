// SPDX-License-Identifier: Apache-2.0

import EventLoop
import SchedulerMessages
import TestSupport
import Testing

@testable import SchedulerLink

@Suite(.timeLimit(.minutes(1))) struct RetransmitBufferTests {
    @Test func `an echo confirms what was sent before its heartbeat, and nothing later`() async throws {
        try await onLoop {
            let buffer = RetransmitBuffer()
            let before = buffer.add([1])
            buffer.heartbeatSent()
            let after = buffer.add([2])
            #expect(!before.isOpen)
            buffer.echoReceived()
            #expect(before.isOpen)
            #expect(!after.isOpen)
            #expect(buffer.messages == [[2]])
        }
    }

    @Test func `an echo without a heartbeat confirms nothing`() async throws {
        try await onLoop {
            let buffer = RetransmitBuffer()
            let message = buffer.add([1])
            buffer.echoReceived()
            #expect(!message.isOpen)
        }
    }

    @Test func `what is kept comes out in order until it is confirmed`() async throws {
        try await onLoop {
            let buffer = RetransmitBuffer()
            for number in UInt8(0)..<5 { _ = buffer.add([number]) }
            buffer.connectionLost()
            #expect(buffer.messages == [[0], [1], [2], [3], [4]])
        }
    }

    @Test func `the answer to a cancel is not sent again once the task is sent or cancelled again`()
        async throws
    {
        try await onLoop {
            let buffer = RetransmitBuffer()
            let (a, b) = (TaskID([7]), TaskID([8]))
            _ = buffer.add([1], answeringCancelOf: a)
            _ = buffer.add([2], answeringCancelOf: b)
            _ = buffer.add([3])
            buffer.withdrawCancelAnswer(of: a)
            #expect(buffer.messages == [[2], [3]])
            _ = buffer.add([4], answeringCancelOf: b)
            #expect(buffer.messages == [[3], [4]])
            buffer.heartbeatSent()
            buffer.echoReceived()
            buffer.withdrawCancelAnswer(of: b)
            _ = buffer.add([5], answeringCancelOf: a)
            #expect(buffer.messages == [[5]])
            buffer.withdrawCancelAnswer(of: b)
            #expect(buffer.messages == [[5]])
        }
    }

    @Test func `waiting ends when all that was there is confirmed, or at its deadline`() async throws {
        try await onLoop {
            let buffer = RetransmitBuffer()
            #expect(await buffer.waitUntilConfirmed(until: soon))
            _ = buffer.add([1])
            #expect(await !buffer.waitUntilConfirmed(until: .now))
            buffer.heartbeatSent()
            let waited = spawn { await buffer.waitUntilConfirmed(until: soon) }
            await yieldToOthers()
            _ = buffer.add([2])
            buffer.echoReceived()
            #expect(await waited.value)
        }
    }

    @Test(arguments: UInt64(0)..<20)
    func `nothing is confirmed that a lost connection took along, and all is in the end`(
        _ seed: UInt64
    ) async throws {
        try await onLoop {
            var random = SeededRandom(seed: seed)
            let connection = LossyConnection()
            for _ in 0..<300 {
                switch Int.random(in: 0..<10, using: &random) {
                case 0...2: connection.sendMessage()
                case 3...4: connection.sendHeartbeat()
                case 5...6: connection.schedulerReads()
                case 7: connection.echoArrives()
                case 8: connection.isLost(losing: Double.random(in: 0...1, using: &random))
                default: connection.comesBack()
                }
            }
            connection.comesBack()
            for _ in 0...connection.lostHeartbeatCount {
                connection.sendHeartbeat()
                connection.rest()
            }
            #expect(connection.confirmations.allSatisfy { $0.latch.isOpen })
            #expect(connection.buffer.messages.isEmpty)
        }
    }
}

/// A buffer, a scheduler, and a connection between them that is lost and comes back; every confirmation is held against what was read.
@LoopActor
private final class LossyConnection {
    private enum Item {
        case message(UInt8)
        case heartbeat
    }

    let buffer = RetransmitBuffer()
    private(set) var confirmations: [(number: UInt8, latch: Latch)] = []
    /// What the scheduler has not read yet.
    private var underWay: [Item] = []
    private var read: Set<UInt8> = []
    private var echoCount = 0
    private var isDisconnected = false
    /// How many heartbeats will never be echoed.
    private(set) var lostHeartbeatCount = 0

    func sendMessage() {
        guard let number = UInt8(exactly: confirmations.count) else { return }
        confirmations.append((number, buffer.add([number])))
        if !isDisconnected { underWay.append(.message(number)) }
    }

    func sendHeartbeat() {
        if isDisconnected { return }
        underWay.append(.heartbeat)
        buffer.heartbeatSent()
    }

    func schedulerReads() {
        if isDisconnected || underWay.isEmpty { return }
        switch underWay.removeFirst() {
        case .message(let number): read.insert(number)
        case .heartbeat: echoCount += 1
        }
    }

    func echoArrives() {
        guard echoCount > 0 else { return }
        echoCount -= 1
        buffer.echoReceived()
        for (number, latch) in confirmations where latch.isOpen {
            #expect(read.contains(number), "confirmed before it was read")
        }
    }

    /// All that is under way is lost, and a share of the echoes; the others may be here already, or come on the next connection.
    func isLost(losing share: Double) {
        if isDisconnected { return }
        isDisconnected = true
        for case .heartbeat in underWay { lostHeartbeatCount += 1 }
        underWay = []
        let lostEchoCount = Int(Double(echoCount) * share)
        echoCount -= lostEchoCount
        lostHeartbeatCount += lostEchoCount
        buffer.connectionLost()
    }

    func comesBack() {
        guard isDisconnected else { return }
        isDisconnected = false
        for message in buffer.messages { underWay.append(.message(message[0])) }
    }

    /// Everything under way arrives.
    func rest() {
        while !underWay.isEmpty { schedulerReads() }
        while echoCount > 0 { echoArrives() }
    }
}
