// SPDX-License-Identifier: Apache-2.0

package import EventLoop

/// A ROUTER as a scheduler has: what is sent to a peer that is not connected is thrown away, and of two connections with
/// one identity the first wins while the second stays silent (scaler-wire, 1).
@LoopActor
package final class ZMQBinder: MessageBinder {
    private final class Link {
        let end: SimulatedZMQLink
        let peer: PeerConnection
        var isOver = false
        let inbound = Pace()
        let outbound = Pace()

        init(_ end: SimulatedZMQLink, _ peer: PeerConnection) {
            self.end = end
            self.peer = peer
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

    /// A binder for `host:port` that takes no links yet.
    package init(_ simulation: Simulation, _ network: SimulatedNetwork, address: String) {
        self.simulation = simulation
        self.network = network
        self.address = address
        party = stableHash(address.utf8, from: 0)
    }

    package var connections: [PeerConnection] { links.map(\.peer) }

    package func open(identity: String) {
        network.serveZMQ(at: address) { [unowned self] end in accept(end) }
    }

    package func shutDown(byReset: Bool) {
        network.serveZMQ(at: address, nil)
        for link in links { breakHere(link) }
    }

    /// Nothing takes the connections: what libzmq does at a greeting is below the simulation.
    package func leaveToGreeter(byReset: Bool) {}

    package func breakAll() { for link in links { breakHere(link) } }

    package func waits(for identity: String) -> Bool { false }

    @discardableResult
    package func send(_ message: [UInt8], to identity: String) -> Delivery {
        let delivery = Delivery()
        guard let link = current[identity] else {
            delivery.state = .maybeLost
            return delivery
        }
        link.peer.sends(delivery)
        link.outbound.pass(simulation, party) { [unowned self] in
            guard !link.isOver else {
                delivery.state = .maybeLost
                return
            }
            link.peer.handedOver(delivery)
            link.end.deliver(message)
            if simulation.faults.strikes(.linkReset, party) { breakHere(link) }
        }
        return delivery
    }

    private func accept(_ end: SimulatedZMQLink) {
        let identity = validIdentity(end.identity, simulation, address)
        if current[identity] != nil {
            simulation.note("zmq", "silent", "a second link of \(identity)")
            end.onMessage = nil
            end.onEnd = nil
            return
        }
        connectionCount += 1
        let link = Link(end, PeerConnection(number: connectionCount, identity: identity, epoch: epoch))
        links.append(link)
        current[identity] = link
        simulation.note("zmq", "connected", "\(link.peer.number) \(identity)")
        end.onMessage = { [unowned self, unowned link] message in arrived(message, on: link) }
        end.onEnd = { [unowned self, unowned link] in ended(link) }
        onConnected?(link.peer)
        if let share = simulation.faults.draw(.resetAgain, party) {
            simulation.after(.seconds(3 * share)) { [unowned self] in breakHere(link) }
        }
    }

    private func arrived(_ message: [UInt8], on link: Link) {
        if link.isOver { return }
        onArrival?(link.peer, message)
        link.inbound.pass(simulation, party) { [unowned self] in
            if !link.isOver { onMessage?(link.peer, message) }
        }
        if !link.isOver, simulation.faults.strikes(.linkReset, party) { breakHere(link) }
    }

    private func ended(_ link: Link) {
        link.peer.leaves()
        link.inbound.pass(simulation, nil) { [unowned self] in finish(link, .finished) }
    }

    private func breakHere(_ link: Link) {
        if link.isOver { return }
        link.end.onEnd = nil
        finish(link, .brokenHere)
        link.end.breakConnection()
    }

    private func finish(_ link: Link, _ end: PeerEnd) {
        if link.isOver { return }
        link.isOver = true
        link.end.onMessage = nil
        link.end.onEnd = nil
        links.removeAll { $0 === link }
        current[link.peer.identity] = nil
        link.peer.wasReset()
        simulation.note("zmq", "ended", "\(link.peer.number) \(link.peer.identity): \(end)")
        onEnd?(link.peer, end)
    }
}
