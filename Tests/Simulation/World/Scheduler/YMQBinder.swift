// SPDX-License-Identifier: Apache-2.0

package import EventLoop
package import SchedulerMessages

/// A YMQ binder, as a scheduler and its object storage have: hello first, eight-byte lengths, and three rules for lost
/// connections (scaler-wire, 2.2).
///
/// After a reset the peer's identity is remembered, and what is sent to it waits until it returns. After an orderly end
/// what is sent to it is thrown away. Of two connections with one identity the last wins.
@LoopActor
package final class YMQBinder: MessageBinder {
    private final class Link {
        let end: ServerEnd
        let epoch: Int
        var cutter: YMQCutter
        var peer: PeerConnection?
        var isOver = false
        /// Whether it carries nothing any more.
        var isFrozen = false
        let inbound = Pace()
        let outbound = Pace()

        init(_ end: ServerEnd, _ generation: WireGeneration, epoch: Int) {
            self.end = end
            self.epoch = epoch
            cutter = YMQCutter(generation)
        }
    }

    private let simulation: Simulation
    private let network: SimulatedNetwork
    private let address: String
    private let generation: WireGeneration
    /// Names this binder's chances of faults.
    private let party: UInt64
    private var identity = ""
    private var links: [Link] = []
    private var current: [String: Link] = [:]
    /// What waits for peers whose connection was reset.
    private var parked: [String: [(message: [UInt8], delivery: Delivery)]] = [:]
    private var connectionCount = 0
    /// How many connections there were when it was shut down.
    private var lastLinkCount = 0

    package var onConnected: (@LoopActor (PeerConnection) -> Void)?
    package var onArrival: (@LoopActor (PeerConnection, [UInt8]) -> Void)?
    package var onMessage: (@LoopActor (PeerConnection, [UInt8]) -> Void)?
    package var onEnd: (@LoopActor (PeerConnection, PeerEnd) -> Void)?
    package var epoch = 0
    /// Whether its connections may freeze; the scheduler's own do not.
    var canFreeze = false

    /// A binder for `host:port` that takes no connections yet.
    package init(
        _ simulation: Simulation,
        _ network: SimulatedNetwork,
        address: String,
        _ generation: WireGeneration
    ) {
        self.simulation = simulation
        self.network = network
        self.address = address
        self.generation = generation
        party = stableHash(address.utf8, from: 0)
    }

    package var connections: [PeerConnection] { links.compactMap(\.peer) }

    package func open(identity: String) {
        self.identity = identity
        network.listen(at: address) { [unowned self] end in accept(end) }
    }

    package func shutDown(byReset: Bool) {
        network.listen(at: address, nil)
        lastLinkCount = links.count
        for link in links {
            byReset ? link.end.reset() : link.end.end()
            finish(link, byReset ? .brokenHere : .closedHere)
        }
        parked = [:]
    }

    package func leaveToGreeter(byReset: Bool) {
        let (begin, parties) = (simulation.elapsed, lastLinkCount + 2)
        var count = 0
        network.listen(at: address) { [unowned self] end in
            count += 1
            // After a few attempts the pauses of each party are 2.5 s in the mean.
            let seconds = Int((simulation.elapsed - begin) / .seconds(1))
            simulation.judge(
                "reconnects",
                count <= parties * (20 + seconds),
                "\(count) connections in \(seconds) s to something at \(address) that only greets"
            )
            simulation.note("ymq", "greeter", "connection \(count) at \(address)")
            end.send(YMQCutter.hello(generation, identity: Array("greeter".utf8)))
            simulation.after(.milliseconds(100)) { byReset ? end.reset() : end.end() }
        }
    }

    package func breakAll() {
        for link in links {
            link.end.reset()
            finish(link, .brokenHere)
        }
    }

    package func waits(for identity: String) -> Bool { parked[identity] != nil }

    @discardableResult
    package func send(_ message: [UInt8], to identity: String) -> Delivery {
        let delivery = Delivery()
        if let link = current[identity] {
            transmit(message, delivery, on: link)
        } else if parked[identity] != nil {
            parked[identity]?.append((message, delivery))
        } else {
            delivery.state = .maybeLost
        }
        return delivery
    }

    // MARK: - Connections

    private func accept(_ end: ServerEnd) {
        let link = Link(end, generation, epoch: epoch)
        links.append(link)
        end.send(YMQCutter.hello(generation, identity: Array(identity.utf8)))
        end.onBytes = { [unowned self, unowned link] bytes in received(bytes, on: link) }
        end.onEnd = { [unowned self, unowned link] isReset in ended(link, isReset: isReset) }
    }

    private func received(_ bytes: [UInt8], on link: Link) {
        if canFreeze, !link.isFrozen { link.isFrozen = simulation.faults.strikes(.linkFrozen, party) }
        if link.isOver || link.isFrozen { return }
        guard let share = simulation.faults.draw(.linkReset, party) else { return read(bytes, on: link) }
        read(Array(bytes.prefix(Int(Double(bytes.count) * share))), on: link)
        if link.isOver { return }
        link.end.reset()
        finish(link, .brokenHere)
    }

    private func read(_ bytes: [UInt8], on link: Link) {
        link.cutter.feed(bytes)
        while !link.isOver, let item = link.cutter.next() {
            switch item {
            case .hello(let identity): greeted(identity, on: link)
            case .message(let message): arrived(message, on: link)
            case .defect(let text): return simulation.judge("ymq", false, "at \(address): \(text)")
            }
        }
    }

    private func greeted(_ bytes: [UInt8], on link: Link) {
        let identity = validIdentity(bytes, simulation, address)
        connectionCount += 1
        let peer = PeerConnection(number: connectionCount, identity: identity, epoch: link.epoch)
        link.peer = peer
        if let older = current[identity] {
            older.end.end()
            finish(older, .replaced)
        }
        current[identity] = link
        simulation.note("ymq", "hello", "\(peer.number) \(identity) at \(address)")
        let waiting = parked.removeValue(forKey: identity) ?? []
        onConnected?(peer)
        for (message, delivery) in waiting { transmit(message, delivery, on: link) }
        guard let share = simulation.faults.draw(.resetAgain, party) else { return }
        simulation.after(.seconds(3 * share)) { [unowned self] in
            if link.isOver { return }
            link.end.reset()
            finish(link, .brokenHere)
        }
    }

    private func arrived(_ message: [UInt8], on link: Link) {
        guard let peer = link.peer else { return }
        onArrival?(peer, message)
        link.inbound.pass(simulation, party) { [unowned self] in
            if !link.isOver { onMessage?(peer, message) }
        }
    }

    private func ended(_ link: Link, isReset: Bool) {
        if isReset { return finish(link, .reset) }
        link.peer?.leaves()
        // An orderly end does not overtake what was sent before it.
        link.inbound.pass(simulation, nil) { [unowned self] in finish(link, .finished) }
    }

    private func finish(_ link: Link, _ end: PeerEnd) {
        if link.isOver { return }
        link.isOver = true
        link.end.onBytes = nil
        link.end.onEnd = nil
        links.removeAll { $0 === link }
        guard let peer = link.peer else { return }
        peer.wasReset()
        if current[peer.identity] === link {
            current[peer.identity] = nil
            switch end {
            case .reset, .brokenHere: parked[peer.identity] = []
            case .finished, .replaced, .closedHere: break
            }
        }
        simulation.note("ymq", "ended", "\(peer.number) \(peer.identity): \(end)")
        onEnd?(peer, end)
    }

    // MARK: - Sending

    private func transmit(_ message: [UInt8], _ delivery: Delivery, on link: Link) {
        link.peer?.sends(delivery)
        link.outbound.pass(simulation, party) { [unowned self] in
            guard !link.isOver, !link.isFrozen, let peer = link.peer else {
                delivery.state = .maybeLost
                return
            }
            peer.handedOver(delivery)
            let bytes = YMQCutter.frame(message)
            guard let share = simulation.faults.draw(.linkReset, party) else { return link.end.send(bytes) }
            link.end.send(Array(bytes.prefix(Int(Double(bytes.count) * share))))
            finish(link, .brokenHere)
            simulation.after(.milliseconds(50)) { link.end.reset() }
        }
    }
}

/// One direction of a link, in which a slow message holds up those behind it.
@LoopActor
final class Pace {
    private var freeAt: Deadline?

    /// Nothing is held up yet.
    nonisolated init() {}

    /// Calls `action` when all before it have passed: at once, or later if a fault of `party` makes it slow.
    func pass(_ simulation: Simulation, _ party: UInt64?, _ action: @escaping @LoopActor () -> Void) {
        var moment = freeAt.map { max($0, .now) }
        if let party, let share = simulation.faults.draw(.slow, party) {
            let slow = Deadline.after(.seconds(20 * share * share))
            moment = moment.map { max($0, slow) } ?? slow
        }
        guard let moment, moment > .now else {
            freeAt = nil
            return action()
        }
        // A nanosecond more keeps those behind in order.
        freeAt = moment + .nanoseconds(1)
        simulation.after(moment.remaining, action)
    }
}

/// The text of an identity; a scheduler up to 2.6.0 dies of one that is not UTF-8, and ZMTP has room for 255 bytes.
@LoopActor
func validIdentity(_ bytes: [UInt8], _ simulation: Simulation, _ address: String) -> String {
    let text = String(validating: bytes, as: UTF8.self)
    simulation.judge(
        "identity",
        text != nil && (1...255).contains(bytes.count),
        "a peer at \(address) calls itself \(bytes)"
    )
    return text ?? ""
}
