// SPDX-License-Identifier: Apache-2.0

package import EventLoop

/// A ROUTER as a scheduler has: what is sent to a peer that is not connected is thrown away, and of two connections with
/// one identity the first wins while the second stays silent for ever (scaler-wire, 1).
@LoopActor
package final class ZMQBinder: MessageBinder {
    private final class Link {
        let end: ServerEnd
        let epoch: Int
        var cutter = ZMTPCutter()
        var peer: PeerConnection?
        var isOver = false
        /// Whether another connection had its identity, so that nobody hears it.
        var isUnheard = false
        let inbound = Pace()
        let outbound = Pace()

        init(_ end: ServerEnd, epoch: Int) {
            self.end = end
            self.epoch = epoch
        }
    }

    private let simulation: Simulation
    private let network: SimulatedNetwork
    private let address: String
    private let party: UInt64
    private var links: [Link] = []
    private var current: [String: Link] = [:]
    private var connectionCount = 0

    package var onConnected: (@LoopActor (PeerConnection) -> Void)?
    package var onArrival: (@LoopActor (PeerConnection, [UInt8]) -> Void)?
    package var onMessage: (@LoopActor (PeerConnection, [UInt8]) -> Void)?
    package var onEnd: (@LoopActor (PeerConnection, PeerEnd) -> Void)?
    package var epoch = 0

    /// A binder for `host:port` that takes no connections yet.
    package init(_ simulation: Simulation, _ network: SimulatedNetwork, address: String) {
        self.simulation = simulation
        self.network = network
        self.address = address
        party = stableHash(address.utf8, from: 0)
    }

    package var connections: [PeerConnection] { links.compactMap(\.peer) }

    package func open(identity: String) {
        network.listen(at: address) { [unowned self] end in accept(end) }
    }

    package func shutDown(byReset: Bool) {
        network.listen(at: address, nil)
        for link in links {
            byReset ? link.end.reset() : link.end.end()
            finish(link, byReset ? .brokenHere : .closedHere)
        }
    }

    /// Nothing takes the connections: what libzmq does at a greeting is below the simulation.
    package func leaveToGreeter(byReset: Bool) {}

    package func breakAll() { for link in links { breakHere(link) } }

    package func waits(for identity: String) -> Bool { false }

    @discardableResult
    package func send(_ message: [UInt8], to identity: String) -> Delivery {
        let delivery = Delivery()
        guard let link = current[identity], let peer = link.peer else {
            delivery.state = .maybeLost
            return delivery
        }
        peer.sends(delivery)
        link.outbound.pass(simulation, party) { [unowned self] in
            guard !link.isOver else {
                delivery.state = .maybeLost
                return
            }
            peer.handedOver(delivery)
            let bytes = ZMTPCutter.frame(message)
            guard let share = simulation.faults.draw(.linkReset, party) else { return link.end.send(bytes) }
            link.end.send(Array(bytes.prefix(Int(Double(bytes.count) * share))))
            finish(link, .brokenHere)
            simulation.after(.milliseconds(50)) { link.end.reset() }
        }
        return delivery
    }

    // MARK: - Connections

    private func accept(_ end: ServerEnd) {
        let link = Link(end, epoch: epoch)
        links.append(link)
        end.send(ZMTPCutter.signature)
        end.onBytes = { [unowned self, unowned link] bytes in received(bytes, on: link) }
        end.onEnd = { [unowned self, unowned link] isReset in ended(link, isReset: isReset) }
    }

    private func received(_ bytes: [UInt8], on link: Link) {
        if link.isOver { return }
        guard let share = simulation.faults.draw(.linkReset, party) else { return read(bytes, on: link) }
        read(Array(bytes.prefix(Int(Double(bytes.count) * share))), on: link)
        breakHere(link)
    }

    private func read(_ bytes: [UInt8], on link: Link) {
        link.cutter.feed(bytes)
        while !link.isOver, let item = link.cutter.next() {
            switch item {
            case .greeting: link.end.send(ZMTPCutter.restOfGreeting + ZMTPCutter.ready)
            case .ready(let identity): identified(identity, link)
            case .message(let message): arrived(message, on: link)
            case .defect(let text): return simulation.judge("zmtp", false, "at \(address): \(text)")
            }
        }
    }

    private func identified(_ bytes: [UInt8], _ link: Link) {
        let identity = validIdentity(bytes, simulation, address)
        if current[identity] != nil {
            simulation.note("zmq", "silent", "a second link of \(identity)")
            link.isUnheard = true
            return
        }
        connectionCount += 1
        let peer = PeerConnection(number: connectionCount, identity: identity, epoch: link.epoch)
        link.peer = peer
        current[identity] = link
        simulation.note("zmq", "connected", "\(peer.number) \(identity)")
        onConnected?(peer)
        if let share = simulation.faults.draw(.resetAgain, party) {
            simulation.after(.seconds(3 * share)) { [unowned self] in breakHere(link) }
        }
    }

    private func arrived(_ message: [UInt8], on link: Link) {
        guard let peer = link.peer else {
            return simulation.judge("zmtp", link.isUnheard, "at \(address): a message before READY")
        }
        onArrival?(peer, message)
        link.inbound.pass(simulation, party) { [unowned self] in
            if !link.isOver { onMessage?(peer, message) }
        }
    }

    private func ended(_ link: Link, isReset: Bool) {
        if isReset { return finish(link, .reset) }
        link.peer?.leaves()
        // What arrived before is read first, and as long the identity is taken.
        link.inbound.pass(simulation, nil) { [unowned self] in finish(link, .finished) }
    }

    private func breakHere(_ link: Link) {
        if link.isOver { return }
        link.end.reset()
        finish(link, .brokenHere)
    }

    private func finish(_ link: Link, _ end: PeerEnd) {
        if link.isOver { return }
        link.isOver = true
        link.end.onBytes = nil
        link.end.onEnd = nil
        links.removeAll { $0 === link }
        guard let peer = link.peer else { return }
        peer.wasReset()
        current[peer.identity] = nil
        simulation.note("zmq", "ended", "\(peer.number) \(peer.identity): \(end)")
        onEnd?(peer, end)
    }
}
