// SPDX-License-Identifier: Apache-2.0

package import EventLoop
internal import Glibc
package import HTTPClient
package import Messaging
internal import TestSupport
package import Transport

/// The network between the daemon's host and everybody else: who listens, how long bytes take, what gets lost.
@LoopActor
package final class SimulatedNetwork {
    private let simulation: Simulation
    private var delays: SeededDelays
    private var listeners: [String: @LoopActor (ServerEnd) -> Void] = [:]
    /// What each process of the daemon that lives has open.
    private var lives: [NetworkLife] = []
    private var connectionCount: UInt64 = 0
    private var refusals: [String: Int] = [:]
    /// Addresses that cannot be reached, until when, and how that shows.
    private var blocks: [String: Block] = [:]

    private let instant: Duration?
    private var deliveries: [Int64: [(key: UInt64, action: @LoopActor () -> Void)]] = [:]
    private var orders: SeededRandom
    private var lastKey: UInt64 = 0

    private struct Block {
        let end: Deadline
        let isSilent: Bool
    }

    /// A network where nobody listens yet; `delay` is how long bytes take one way, evenly drawn.
    ///
    /// With an `instant`, what arrives within the same span of that length arrives at its end, in any order: as a kernel says
    /// of many sockets at once that they are ready.
    package init(_ simulation: Simulation, delay: Range<Double>, instant: Duration? = nil) {
        self.simulation = simulation
        self.instant = instant
        orders = simulation.generator("orders of deliveries")
        delays = SeededDelays(simulation, delay)
    }

    /// Has `accept` take the connections to `host:port`; nil refuses them.
    package func listen(at address: String, _ accept: (@LoopActor (ServerEnd) -> Void)?) {
        listeners[address] = accept
    }

    /// How long a piece of bytes takes one way.
    package func delay() -> Duration { delays.next() }

    /// How long bytes take to or from an address; what a silent outage holds up comes when it is over.
    func delay(_ address: String) -> Duration {
        guard let block = block(at: address), block.isSilent else { return delays.next() }
        return block.end.remaining + delays.next()
    }

    private func block(at address: String) -> Block? {
        guard let block = blocks[address] else { return nil }
        if !block.end.isPast { return block }
        blocks[address] = nil
        return nil
    }

    /// How many attempts to connect to an address were refused so far.
    func refusalCount(of address: String) -> Int { refusals[address, default: 0] }

    /// Whether nobody can connect to an address now.
    func isBlocked(_ address: String) -> Bool { block(at: address) != nil }

    /// Calls `action` when what arrives at `deadline` is delivered.
    ///
    /// Calls with the same `key` come in the order of their deadlines, as bytes of one direction of a connection do.
    func deliver(at deadline: Deadline, key: UInt64, _ action: @escaping @LoopActor () -> Void) {
        guard let instant else {
            _ = simulation.after(deadline.remaining, action)
            return
        }
        let slot = Int64((simulation.elapsed + deadline.remaining) / instant) + 1
        if deliveries[slot] != nil { return deliveries[slot, default: []].append((key, action)) }
        deliveries[slot] = [(key, action)]
        simulation.after(instant * Int(slot) - simulation.elapsed) { [self] in
            let due = deliveries.removeValue(forKey: slot) ?? []
            var byKey: [UInt64: [@LoopActor () -> Void]] = [:]
            for (key, action) in due { byKey[key, default: []].append(action) }
            for key in due.map(\.key).shuffled(using: &orders) { byKey[key]?.removeFirst()() }
        }
    }

    /// A number for one direction of a connection.
    func nextKey() -> UInt64 {
        lastKey += 1
        return lastKey
    }

    /// Lets everything through to an address that was cut off, and not silently.
    package func restore(_ address: String) { blocks[address] = nil }

    /// Lets nothing through to an address and from it for `duration`.
    ///
    /// Silently: what is on its way arrives afterwards, and attempts to connect get no answer. Else connections are reset, and
    /// attempts refused; the connections of a scheduler and its storage must be broken at their end.
    package func cutOff(_ address: String, for duration: Duration, isSilent: Bool) {
        simulation.note("network", "cut off", "\(address) \(isSilent ? "silently" : "") for \(duration)")
        blocks[address] = Block(end: .after(duration), isSilent: isSilent)
        if !isSilent { for life in lives { life.reset(address) } }
    }

    /// A process begins, which is `number` of the run; `died` is called when a fault of the network has killed it.
    package func processStarted(
        _ process: SimulatedProcess,
        number: UInt64,
        died: @escaping @LoopActor () -> Void
    ) {
        lives.append(NetworkLife(simulation, process, number: number, died: died))
    }

    /// Cuts every connection of a process that was killed.
    package func processDied(_ process: SimulatedProcess) {
        guard let life = life(of: process) else { return }
        lives.removeAll { $0 === life }
        life.end()
    }

    private func life(of process: SimulatedProcess?) -> NetworkLife? {
        lives.first { $0.process === process }
    }

    /// Connects; nil when the attempt is refused, and an attempt that is lost waits for its deadline.
    private func open(
        to address: String,
        until deadline: Deadline
    ) async throws(WaitError) -> SimulatedStream? {
        connectionCount += 1
        let number = connectionCount
        if let block = block(at: address), block.isSilent {
            try await sleep(until: min(deadline, block.end))
            if deadline.isPast { throw .deadlinePassed }
        }
        if simulation.faults.strikes(.connectLost, stableHash(address.utf8, from: 0)) {
            try await sleep(until: deadline)
            throw .deadlinePassed
        }
        try await sleep(for: delay() + delay())
        let isRefused = simulation.faults.strikes(.connectRefused, stableHash(address.utf8, from: 0))
        guard !isRefused, !isBlocked(address), let accept = listeners[address] else {
            simulation.note("network", "refused", address)
            refusals[address, default: 0] += 1
            return nil
        }
        let life = life(of: .current)
        let stream = SimulatedStream(simulation, self, life, address)
        simulation.note("network", "connected", "\(number) to \(address)")
        life?.hold(stream)
        SimulatedProcess.run(as: nil) { accept(stream.server) }
        return stream
    }
}

extension SimulatedNetwork: Connector {
    /// A stream for HTTP, without TLS whatever the scheme.
    package func connect(
        to origin: HTTPOrigin,
        _ deadlines: HTTPDeadlines,
        until deadline: Deadline
    ) async throws(HTTPError) -> any ByteStream {
        do throws(WaitError) {
            let end = min(.after(deadlines.connect), deadline)
            if let stream = try await open(to: origin.host, until: end) { return stream }
        } catch {
            throw error == .cancelled ? .cancelled : .deadlinePassed(.connect)
        }
        throw .transport(refusal, .connect)
    }
}

extension SimulatedNetwork: MessagingNetwork {
    package func openStream(
        to endpoint: Endpoint,
        deadline: Deadline
    ) async throws(MessagingError) -> any ByteStream {
        do throws(WaitError) {
            if let stream = try await open(to: endpoint.address, until: deadline) { return stream }
        } catch {
            if error == .cancelled { throw .cancelled }
            throw .unreachable(endpoint, reason: "\(TransportError.deadlinePassed(.connect))")
        }
        throw .unreachable(endpoint, reason: "\(refusal)")
    }
}

private let refusal = TransportError.systemCall(
    SystemCallError(call: "connect", number: ECONNREFUSED),
    .connect
)

extension Endpoint {
    /// `host:port`, or the path.
    package var address: String {
        switch self {
        case .tcp(let host, let port), .tls(let host, let port), .webSocket(let host, let port, _, _):
            "\(host):\(port)"
        case .ipc(let path): path
        }
    }
}

/// Delays drawn evenly from a range of seconds.
@LoopActor
struct SeededDelays {
    private var generator: SeededRandom
    private let range: Range<Double>

    init(_ simulation: Simulation, _ range: Range<Double>) {
        generator = simulation.generator("network delays")
        self.range = range
    }

    mutating func next() -> Duration { .seconds(Double.random(in: range, using: &generator)) }
}
