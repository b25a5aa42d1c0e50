// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HTTPClient
import TestSupport
import Testing

@Suite struct ConnectionPoolTests {
    private typealias Pool = ConnectionPool<String, Int>

    @Test func `connections are opened up to the cap, then requests wait and are served in order`() {
        var pool = Pool(connectionsMax: 2)
        #expect(pool.requestArrived(1).text == "open")
        #expect(pool.requestArrived(2).text == "open")
        #expect(pool.requestArrived(3).text == "wait")
        #expect(pool.requestArrived(4).text == "wait")
        #expect(pool.waitingCount == 2)
        #expect(pool.connectionReturned("a", expiry: .never).text == "3 reuses a")
        #expect(pool.slotReturned().text == "4 opens")
        #expect(pool.slotReturned().text == "none")
        #expect(pool.leasedCount == 1 && pool.waitingCount == 0 && pool.idleCount == 0)
    }

    @Test func `of idle connections the one used last is taken, and dead ones are passed over`() {
        var pool = Pool(connectionsMax: 3)
        for ticket in 1...3 { #expect(pool.requestArrived(ticket).text == "open") }
        for name in ["a", "b", "c"] { #expect(pool.connectionReturned(name, expiry: .never).text == "none") }
        #expect(pool.requestArrived(4).text == "reuse c")
        #expect(pool.reusedConnectionWasDead().text == "reuse b")
        #expect(pool.reusedConnectionWasDead().text == "reuse a")
        #expect(pool.reusedConnectionWasDead().text == "open")
        #expect(pool.leasedCount == 1)
    }

    @Test func `who leaves the queue is passed over`() {
        var pool = Pool(connectionsMax: 1)
        for ticket in 0...50 { _ = pool.requestArrived(ticket) }
        for ticket in 1...50 where ticket != 33 { pool.requestLeft(ticket) }
        #expect(pool.waitingCount == 1)
        #expect(pool.connectionReturned("a", expiry: .never).text == "33 reuses a")
        #expect(pool.connectionReturned("a", expiry: .never).text == "none")
    }

    @Test func `idle connections expire each at its time`() {
        let now = Deadline.now
        var pool = Pool(connectionsMax: 3)
        for ticket in 1...3 { _ = pool.requestArrived(ticket) }
        #expect(pool.nextExpiry == nil)
        for (name, seconds) in [("a", 5), ("b", 2), ("c", 9)] {
            _ = pool.connectionReturned(name, expiry: now + .seconds(seconds))
        }
        #expect(pool.nextExpiry == now + .seconds(2))
        #expect(pool.takeExpired(now: now + .seconds(1)) == [])
        #expect(pool.takeExpired(now: now + .seconds(5)) == ["a", "b"])
        #expect(pool.takeIdle() == ["c"])
        #expect(pool.idleCount == 0 && pool.leasedCount == 0)
    }

    @Test(arguments: [21, 22, 23, 24] as [UInt64])
    func `whatever happens, the cap holds, the order holds and nobody waits beside a free place`(seed: UInt64)
    {
        var random = SeededRandom(seed: seed)
        let connectionsMax = Int.random(in: 1...4, using: &random)
        var pool = ConnectionPool<Int, Int>(connectionsMax: connectionsMax)
        var queue: [Int] = []
        var leased: [Int] = []
        var connectionCount = 0
        func open() {
            connectionCount += 1
            leased.append(connectionCount)
        }
        for ticket in 0..<3000 {
            let isReturn = !leased.isEmpty && Bool.random(using: &random)
            if !isReturn {
                switch pool.requestArrived(ticket) {
                case .open: open()
                case .reuse(let connection): leased.append(connection)
                case .wait: queue.append(ticket)
                }
            } else {
                let connection = leased.remove(at: Int.random(in: 0..<leased.count, using: &random))
                let isAlive = Bool.random(using: &random)
                let handover =
                    isAlive ? pool.connectionReturned(connection, expiry: .never) : pool.slotReturned()
                switch handover {
                case .none: #expect(queue.isEmpty, "seed \(seed)")
                case .reuse(let next, let handed):
                    #expect(isAlive && handed == connection && next == queue.removeFirst(), "seed \(seed)")
                    leased.append(handed)
                case .open(let next):
                    #expect(!isAlive && next == queue.removeFirst(), "seed \(seed)")
                    open()
                }
            }
            if let leaving = queue.randomElement(using: &random), Int.random(in: 0..<5, using: &random) == 0 {
                pool.requestLeft(leaving)
                queue.removeAll { $0 == leaving }
            }
            #expect(pool.leasedCount == leased.count && pool.waitingCount == queue.count, "seed \(seed)")
            #expect(pool.leasedCount + pool.idleCount <= connectionsMax, "seed \(seed)")
            #expect(queue.isEmpty || pool.leasedCount == connectionsMax, "seed \(seed)")
        }
    }
}

extension ConnectionPool.Answer {
    fileprivate var text: String {
        switch self {
        case .reuse(let connection): "reuse \(connection)"
        case .open: "open"
        case .wait: "wait"
        }
    }
}

extension ConnectionPool.Handover {
    fileprivate var text: String {
        switch self {
        case .none: "none"
        case .reuse(let ticket, let connection): "\(ticket) reuses \(connection)"
        case .open(let ticket): "\(ticket) opens"
        }
    }
}
