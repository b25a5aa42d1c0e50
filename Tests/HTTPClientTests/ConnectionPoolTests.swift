// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HTTPClient
import TestSupport
import Testing

@Suite struct ConnectionPoolTests {
    @Test func `connections are opened up to the cap, then requests wait and are served in order`()
        async throws
    {
        try await onLoop {
            let requests = Requests(connectionsMax: 2)
            #expect(await requests.arrive(1) == "open")
            #expect(await requests.arrive(2) == "open")
            #expect(await requests.arrive(3) == nil)
            #expect(await requests.arrive(4) == nil)
            #expect(requests.pool.waitingCount == 2)
            requests.pool.giveBack("a", expiry: .never)
            #expect(await requests.takeServed() == ["3: reuse a"])
            requests.pool.giveBackSlot()
            #expect(await requests.takeServed() == ["4: open"])
            requests.pool.giveBackSlot()
            #expect(await requests.takeServed() == [])
            #expect(requests.pool.leasedCount == 1 && requests.pool.waitingCount == 0)
            #expect(requests.pool.idleCount == 0)
        }
    }

    @Test func `what asks and orders never waits for connections that carry objects`() async throws {
        try await onLoop {
            let requests = Requests(connectionsMax: 4)
            for request in 1...2 { #expect(await requests.arrive(request, .bulk) == "open") }
            // One connection is left to each lane before.
            #expect(await requests.arrive(3, .bulk) == nil)
            #expect(await requests.arrive(4, .transfer) == "open")
            #expect(await requests.arrive(5, .transfer) == nil)
            #expect(await requests.arrive(6) == "open")
            #expect(await requests.arrive(7) == nil)
            requests.pool.giveBack("a", of: .bulk, expiry: .never)
            #expect(await requests.takeServed() == ["7: reuse a"])
            requests.pool.giveBackSlot()
            #expect(await requests.takeServed() == ["5: open"])
            requests.pool.giveBack("b", expiry: .never)
            #expect(await requests.takeServed() == [])
            requests.pool.giveBack("c", of: .transfer, expiry: .never)
            #expect(await requests.takeServed() == ["3: reuse c"])
            #expect((requests.pool.leasedCount, requests.pool.idleCount) == (3, 1))
        }
    }

    @Test(arguments: [1, 2]) func `a pool of few connections serves every lane`(
        connectionsMax: Int
    ) async throws {
        try await onLoop {
            for lane in ConnectionLane.allCases {
                let requests = Requests(connectionsMax: connectionsMax)
                #expect(await requests.arrive(1, lane) == "open")
            }
        }
    }

    @Test func `of idle connections the one used last is taken, and dead ones are passed over`() async throws
    {
        try await onLoop {
            let requests = Requests(connectionsMax: 3)
            for request in 1...3 { #expect(await requests.arrive(request) == "open") }
            for name in ["a", "b", "c"] { requests.pool.giveBack(name, expiry: .never) }
            #expect(requests.pool.leasedCount == 0 && requests.pool.idleCount == 3)
            #expect(await requests.arrive(4) == "reuse c")
            #expect(requests.pool.replaceClosed().text == "reuse b")
            #expect(requests.pool.replaceClosed().text == "reuse a")
            #expect(requests.pool.replaceClosed().text == "open")
            #expect(requests.pool.leasedCount == 1)
        }
    }

    @Test func `who leaves the queue is passed over`() async throws {
        try await onLoop {
            let requests = Requests(connectionsMax: 1)
            for request in 0...50 { _ = await requests.arrive(request) }
            for request in 1...50 where request != 33 { await requests.leave(request) }
            #expect(requests.pool.waitingCount == 1)
            requests.pool.giveBack("a", expiry: .never)
            #expect(await requests.takeServed() == ["33: reuse a"])
            requests.pool.giveBack("a", expiry: .never)
            #expect(await requests.takeServed() == [])
            #expect(requests.pool.idleCount == 1)
        }
    }

    @Test func `connections become more while requests wait, and as few as ever when idle`() async throws {
        try await onLoop {
            let requests = Requests(connectionsMax: 1, upTo: 3)
            for request in 1...6 { _ = await requests.arrive(request) }
            requests.pool.giveBack("a", after: .milliseconds(10), expiry: .now)
            #expect(await requests.takeServed() == ["2: reuse a", "3: open"])
            // Far slower than before: more connections would be of no use.
            requests.pool.giveBack("a", after: .seconds(10), expiry: .now)
            #expect(await requests.takeServed() == ["4: reuse a"])
            requests.pool.giveBack("a", after: .milliseconds(10), expiry: .now)
            #expect(await requests.takeServed() == ["5: reuse a", "6: open"])
            for name in ["a", "b", "c"] { requests.pool.giveBack(name, expiry: .now) }
            #expect((requests.pool.connectionsMax, requests.pool.idleCount) == (3, 3))
            #expect(requests.pool.takeExpired(now: .now) == ["a", "b", "c"])
            #expect(requests.pool.connectionsMax == 1)
        }
    }

    @Test func `a higher cap lets those that wait open connections, in their order`() async throws {
        try await onLoop {
            let requests = Requests(connectionsMax: 1)
            for request in 1...4 { _ = await requests.arrive(request) }
            requests.pool.raise(connectionsMax: 3)
            let served = await requests.takeServed()
            #expect(served == ["2: open", "3: open"])
            // Never lowered: what is leased would be too much.
            requests.pool.raise(connectionsMax: 2)
            #expect((requests.pool.connectionsMax, requests.pool.leasedCount) == (3, 3))
        }
    }

    @Test func `idle connections expire each at its time`() async throws {
        try await onLoop {
            let now = Deadline.now
            let requests = Requests(connectionsMax: 3)
            let pool = requests.pool
            for request in 1...3 { _ = await requests.arrive(request) }
            #expect(pool.nextExpiry == nil)
            for (name, seconds) in [("a", 5), ("b", 2), ("c", 9)] {
                pool.giveBack(name, expiry: now + .seconds(seconds))
            }
            #expect(pool.nextExpiry == now + .seconds(2))
            #expect(pool.takeExpired(now: now + .seconds(1)) == [])
            #expect(pool.takeExpired(now: now + .seconds(5)) == ["a", "b"])
            #expect(pool.takeIdle() == ["c"])
            #expect(pool.idleCount == 0 && pool.leasedCount == 0)
        }
    }

    @Test(arguments: [21, 22, 23, 24] as [UInt64])
    func `whatever happens, the cap holds, the order holds and nobody waits beside a free place`(
        seed: UInt64
    )
        async throws
    {
        try await onLoop {
            var random = SeededRandom(seed: seed)
            let connectionsMax = Int.random(in: 1...4, using: &random)
            let requests = Requests(connectionsMax: connectionsMax)
            let pool = requests.pool
            var queue: [Int] = []
            var leased: [String] = []
            var connectionCount = 0
            func open() {
                connectionCount += 1
                leased.append("\(connectionCount)")
            }
            for request in 0..<3000 {
                let isReturn = !leased.isEmpty && Bool.random(using: &random)
                if !isReturn {
                    switch await requests.arrive(request) {
                    case nil: queue.append(request)
                    case "open": open()
                    case let reuse?: leased.append(String(reuse.dropFirst("reuse ".count)))
                    }
                } else {
                    let connection = leased.remove(at: Int.random(in: 0..<leased.count, using: &random))
                    let isAlive = Bool.random(using: &random)
                    if isAlive { pool.giveBack(connection, expiry: .never) } else { pool.giveBackSlot() }
                    let served = await requests.takeServed()
                    if queue.isEmpty {
                        #expect(served == [], "seed \(seed)")
                    } else {
                        let next = queue.removeFirst()
                        #expect(
                            served == [isAlive ? "\(next): reuse \(connection)" : "\(next): open"],
                            "seed \(seed)"
                        )
                        if isAlive { leased.append(connection) } else { open() }
                    }
                }
                if let leaving = queue.randomElement(using: &random),
                    Int.random(in: 0..<5, using: &random) == 0
                {
                    await requests.leave(leaving)
                    queue.removeAll { $0 == leaving }
                }
                #expect(pool.leasedCount == leased.count && pool.waitingCount == queue.count, "seed \(seed)")
                #expect(pool.leasedCount + pool.idleCount <= connectionsMax, "seed \(seed)")
                #expect(queue.isEmpty || pool.leasedCount == connectionsMax, "seed \(seed)")
            }
        }
    }
}

/// Requests, by number, that want connections of one pool.
@LoopActor
private final class Requests {
    let pool: ConnectionPool<String>
    private var waiting: [Int: Spawned<Void>] = [:]
    private var served: [(request: Int, lease: String)] = []

    init(connectionsMax: Int, upTo limit: Int? = nil) {
        pool = ConnectionPool(connectionsMax: connectionsMax, upTo: limit)
    }

    /// A request comes; what it gets at once, nil if it has to wait.
    func arrive(_ request: Int, _ lane: ConnectionLane = .control) async -> String? {
        waiting[request] = spawn {
            guard let lease = try? await self.pool.lease(lane, until: .never) else { return }
            self.served.append((request, lease.text))
        }
        await Self.settle()
        guard !served.isEmpty else { return nil }
        return served.removeFirst().lease
    }

    /// A waiting request leaves.
    func leave(_ request: Int) async {
        waiting[request]?.cancel()
        await waiting.removeValue(forKey: request)?.value
    }

    /// Who got what since the last look.
    func takeServed() async -> [String] {
        await Self.settle()
        defer { served = [] }
        return served.map { "\($0.request): \($0.lease)" }
    }

    /// Lets everything that is ready run to its next wait.
    private static func settle() async {
        for _ in 0..<4 { await yieldToOthers() }
    }
}

extension ConnectionPool.Lease {
    fileprivate var text: String {
        switch self {
        case .reuse(let connection): "reuse \(connection)"
        case .open: "open"
        }
    }
}
