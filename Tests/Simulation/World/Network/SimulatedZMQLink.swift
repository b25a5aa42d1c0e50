// SPDX-License-Identifier: Apache-2.0

package import EventLoop
package import Messaging

/// The daemon's end of a ZMQ link: it connects, and connects again, by itself, and keeps what is sent meanwhile.
///
/// What a DEALER does (zmq_socket(7)): messages queue while there is no connection; what was handed to a connection that
/// breaks may be lost.
@LoopActor
package final class SimulatedZMQLink: MessageLink {
    private let simulation: Simulation
    private let network: SimulatedNetwork
    private let life: NetworkLife?
    /// Names of its two directions.
    private let outward: UInt64
    private let inward: UInt64
    private let address: String
    /// Under which the scheduler knows the link.
    package let identity: [UInt8]
    private(set) var isClosed = false
    private var isConnected = false
    /// Messages that wait for a connection.
    private var queued: [[UInt8]] = []
    private let inbox = Mailbox<[UInt8]>()
    private let events = Mailbox<ConnectionEvent>()
    private var lastArrivalAtServer = Deadline.now
    private var lastArrivalHere = Deadline.now
    /// Counts connections; what is on its way belongs to one of them.
    private var connection = 0
    /// Called at the world's end with each message.
    package var onMessage: (@LoopActor ([UInt8]) -> Void)?
    /// Called at the world's end when the connection is gone.
    package var onEnd: (@LoopActor () -> Void)?

    init(
        _ simulation: Simulation,
        _ network: SimulatedNetwork,
        _ life: NetworkLife?,
        address: String,
        identity: [UInt8]
    ) {
        self.simulation = simulation
        self.network = network
        self.life = life
        (outward, inward) = (network.nextKey(), network.nextKey())
        self.address = address
        self.identity = identity
        connect()
    }

    package var version: YMQVersion? { nil }

    package var connectsByItself: Bool { true }

    package func send(_ messages: [[UInt8]]) throws(MessagingError) {
        if isClosed { throw .closed }
        switch life?.deathAtWrite() {
        case nil, .all: queued += messages
        case .part(let share): queued += messages.prefix(Int(Double(messages.count) * share))
        case .nothing: return
        }
        transmit()
    }

    package func receive(until deadline: Deadline) async throws(MessagingError) -> [UInt8] {
        do throws(WaitError) {
            let message = try await inbox.receive(until: deadline)
            life?.deathAtRead()
            return message
        } catch {
            switch error {
            case .cancelled: throw .cancelled
            case .deadlinePassed: throw .deadlinePassed
            case .closed: throw .closed
            }
        }
    }

    package func nextConnectionEvent() async throws(MessagingError) -> ConnectionEvent {
        do throws(WaitError) {
            return try await events.receive()
        } catch {
            throw error == .cancelled ? .cancelled : .closed
        }
    }

    package func flush(until deadline: Deadline) async throws(MessagingError) {
        if isClosed { throw .closed }
    }

    package func close(lingering: Duration) async {
        if isClosed { return }
        isClosed = true
        inbox.close()
        events.close()
        let ended = connection
        arriveAtServer { if self.connection == ended { self.onEnd?() } }
    }

    /// Ends the connection as the kernel does when its process is killed.
    func processDied() {
        if isClosed { return }
        isClosed = true
        let ended = connection
        arriveAtServer { if self.connection == ended { self.onEnd?() } }
    }

    /// Breaks the connection; the link comes back by itself.
    package func breakConnection() {
        guard isConnected else { return }
        isConnected = false
        connection += 1
        onEnd?()
        simulation.after(network.delay(address)) {
            self.events.send(.disconnected)
            self.connect()
        }
    }

    /// Sends a message to the daemon, in order.
    package func deliver(_ message: [UInt8]) {
        let present = connection
        lastArrivalHere = max(lastArrivalHere, .after(network.delay(address)))
        network.deliver(at: lastArrivalHere, key: inward) {
            if self.connection == present, self.isConnected { self.inbox.send(message) }
        }
    }

    /// Tries until somebody listens, ten times a second as libzmq does by default (ZMQ_RECONNECT_IVL, 100 ms).
    private func connect() {
        if isClosed { return }
        simulation.after(network.delay() + .milliseconds(100)) {
            if self.isClosed { return }
            guard !self.network.isBlocked(self.address),
                let accept = self.network.zmqServer(at: self.address)
            else { return self.connect() }
            self.isConnected = true
            accept(self)
            self.events.send(.connected)
            self.transmit()
        }
    }

    private func transmit() {
        guard isConnected else { return }
        let messages = queued
        queued = []
        for message in messages { arriveAtServer { self.onMessage?(message) } }
    }

    private func arriveAtServer(_ action: @escaping @LoopActor () -> Void) {
        let present = connection
        lastArrivalAtServer = max(lastArrivalAtServer, .after(network.delay(address)))
        network.deliver(at: lastArrivalAtServer, key: outward) { if self.connection == present { action() } }
    }
}
