// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import EventLoop

@Suite struct TicketQueueTests {
    @Test func `callers are granted in order of arrival, the higher priority first`() async throws {
        try await onLoop {
            let queue = TicketQueue<Int>()
            let priorities: [Int32] = [0, 0, 7, -1, 7, 0]
            let callers = priorities.map { priority in
                let ticket = queue.enter(priority: priority)
                return spawn { try? await queue.wait(for: ticket) }
            }
            #expect(queue.count == 6 && !queue.isEmpty)
            for grant in 0..<6 { #expect(queue.grantNext(grant)) }
            #expect(queue.isEmpty && queue.count == 0 && !queue.grantNext(6))
            var grants: [Int?] = []
            for caller in callers { grants.append(await caller.value) }
            #expect(grants == [2, 3, 0, 5, 1, 4])
        }
    }

    @Test func `who leaves takes the place along, whoever waits before it`() async throws {
        try await onLoop {
            let queue = TicketQueue<Int>()
            let first = queue.enter(priority: 1)
            for _ in 0..<1000 {
                let waiting = spawn { try? await queue.wait() }
                queue.leave(queue.enter())
                await yieldToOthers()
                waiting.cancel()
                _ = await waiting.value
                #expect(queue.placeCount == 1 && queue.count == 1)
            }
            #expect(queue.grant(7, to: first) && queue.placeCount == 0)
        }
    }

    /// The property that the whole daemon leans on, against a list that is sorted anew each time.
    @Test(arguments: [31, 32, 33] as [UInt64])
    func `whatever enters, leaves and is granted, the order holds and no grant is lost`(
        seed: UInt64
    ) async throws {
        try await onLoop {
            var random = SeededRandom(seed: seed)
            let queue = TicketQueue<Int>()
            var waiting: [(ticket: TicketQueue<Int>.Ticket, priority: Int32)] = []
            for grant in 0..<5000 {
                switch Int.random(in: 0..<10, using: &random) {
                case 0..<5:
                    let priority = Int32.random(in: -2...2, using: &random)
                    waiting.append((queue.enter(priority: priority), priority))
                case 5 where !waiting.isEmpty:
                    queue.leave(waiting.remove(at: Int.random(in: waiting.indices, using: &random)).ticket)
                default:
                    let highest = waiting.map(\.priority).max()
                    let index = waiting.firstIndex { $0.priority == highest }
                    #expect(queue.grantNext(grant) == (index != nil), "seed \(seed)")
                    guard let index else { continue }
                    let granted = try await queue.wait(for: waiting.remove(at: index).ticket, until: .now)
                    #expect(granted == grant, "seed \(seed)")
                }
                #expect(queue.count == waiting.count && queue.isEmpty == waiting.isEmpty, "seed \(seed)")
            }
        }
    }

    @Test func `a caller that is cancelled or too late leaves, and its grant goes to the next`() async throws
    {
        try await onLoop {
            let queue = TicketQueue<String>()
            let cancelled = spawn { await queue.outcome() }
            let late = spawn { await queue.outcome(until: .now) }
            let patient = spawn { await queue.outcome() }
            await yieldToOthers()
            cancelled.cancel()
            #expect(await cancelled.value == .failure(.cancelled))
            #expect(await late.value == .failure(.deadlinePassed))
            #expect(queue.count == 1)
            #expect(queue.grantNext("mine"))
            #expect(await patient.value == .success("mine"))
        }
    }

    @Test func `a grant made in the turn of the cancellation is the caller's to give back`() async throws {
        try await onLoop {
            let queue = TicketQueue<Int>()
            let first = spawn { await queue.outcome() }
            let second = spawn { await queue.outcome() }
            await yieldToOthers()
            #expect(queue.grantNext(1))
            first.cancel()
            #expect(await first.value == .success(1))
            // The other way round the caller has left, and the grant passes it by.
            second.cancel()
            #expect(!queue.grantNext(2))
            #expect(await second.value == .failure(.cancelled))
            #expect(queue.count == 0)
        }
    }

    @Test func `a ticket can be granted out of turn, once`() async throws {
        try await onLoop {
            let queue = TicketQueue<Int>()
            let first = queue.enter()
            let second = queue.enter()
            #expect(queue.grant(2, to: second) && !queue.grant(3, to: second))
            #expect(queue.count == 1)
            #expect(await queue.outcome(of: second) == .success(2))
            #expect(queue.grantNext(1))
            #expect(await queue.outcome(of: first) == .success(1))
        }
    }

    @Test func `a ticket that left before its wait is passed by, and its wait throws`() async throws {
        try await onLoop {
            let queue = TicketQueue<Int>()
            let leaver = queue.enter()
            let stayer = queue.enter()
            queue.leave(leaver)
            queue.leave(leaver)
            #expect(queue.count == 1)
            #expect(queue.grantNext(1) && !queue.grant(2, to: leaver))
            #expect(await queue.outcome(of: stayer) == .success(1))
            queue.leave(stayer)
            #expect(await queue.outcome(of: leaver) == .failure(.closed))
            #expect(queue.count == 0 && queue.isEmpty)
        }
    }

    /// Each place is looked at a bounded number of times: with 10,000 that left, a search through them for each of
    /// 10,000 grants would be 100 million looks.
    @Test func `ten thousand that left cost the others nothing`() async throws {
        try await onLoop {
            let queue = TicketQueue<Int>()
            let stayer = queue.enter(priority: -1)
            for _ in 0..<10_000 { queue.leave(queue.enter()) }
            #expect(queue.count == 1)
            for number in 0..<10_000 {
                let ticket = queue.enter()
                #expect(queue.grantNext(number))
                #expect(await queue.outcome(of: ticket) == .success(number))
            }
            #expect(queue.grantNext(-1))
            #expect(await queue.outcome(of: stayer) == .success(-1))
            #expect(queue.isEmpty)
        }
    }
}

extension TicketQueue {
    /// What the wait of a ticket, or of a new one, returned or threw.
    fileprivate func outcome(
        of ticket: Ticket? = nil,
        until deadline: Deadline = .never
    ) async -> Result<Grant, WaitError> {
        do throws(WaitError) {
            return .success(try await wait(for: ticket ?? enter(), until: deadline))
        } catch {
            return .failure(error)
        }
    }
}
