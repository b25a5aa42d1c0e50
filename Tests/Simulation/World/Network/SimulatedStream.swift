// SPDX-License-Identifier: Apache-2.0

package import EventLoop
internal import Glibc
package import Transport

/// The daemon's end of a connection through the simulated network.
///
/// Each direction delivers its bytes in order after the network's delay. A reset overtakes what is on its way, an orderly
/// end does not.
@LoopActor
package final class SimulatedStream: ByteStream {
    /// How far the daemon's end is.
    private enum Inbound {
        case open, ended
        case reset
    }

    private let simulation: Simulation
    /// Whose it is; nil where no process can die.
    private let life: NetworkLife?
    /// What it is connected to.
    let address: String
    private let network: SimulatedNetwork
    /// Names of its two directions.
    private let outward: UInt64
    private let inward: UInt64
    private var readable: [UInt8] = []
    private var inbound = Inbound.open
    private var isClosed = false
    private var isFinished = false
    private let arrival = Broadcast()
    private var lastArrivalAtServer = Deadline.now
    private var lastArrivalHere = Deadline.now
    /// The world's end.
    package let server: ServerEnd

    /// Both ends of an open connection.
    init(
        _ simulation: Simulation,
        _ network: SimulatedNetwork,
        _ life: NetworkLife?,
        _ address: String
    ) {
        self.simulation = simulation
        self.address = address
        self.life = life
        self.network = network
        (outward, inward) = (network.nextKey(), network.nextKey())
        server = ServerEnd()
        server.stream = self
    }

    /// Whether nothing more can happen on it.
    var isGone: Bool { isClosed }

    package var isIdleAndOpen: Bool { !isClosed && inbound == .open && readable.isEmpty }

    package func read(upTo maximumCount: Int, deadline: Deadline) async throws(TransportError) -> [UInt8] {
        while true {
            if isClosed || isFinished { throw .closed }
            if case .reset = inbound {
                throw .systemCall(SystemCallError(call: "recv", number: ECONNRESET), .read)
            }
            if !readable.isEmpty {
                let bytes = Array(readable.prefix(maximumCount))
                readable.removeFirst(bytes.count)
                life?.deathAtRead()
                return bytes
            }
            if case .ended = inbound { return [] }
            do throws(WaitError) {
                try await arrival.wait(until: deadline)
            } catch {
                throw error == .cancelled ? .cancelled : .deadlinePassed(.read)
            }
        }
    }

    package func write(_ bytes: [UInt8], deadline: Deadline) async throws(TransportError) {
        if isClosed || isFinished { throw .closed }
        if case .reset = inbound {
            throw .systemCall(SystemCallError(call: "send", number: ECONNRESET), .write)
        }
        if bytes.isEmpty { return }
        guard let last = life?.deathAtWrite() else { return send { $0.received(bytes) } }
        isClosed = true
        switch last {
        case .all: send { $0.received(bytes) }
        case .part(let share):
            let part = Array(bytes.prefix(Int(Double(bytes.count) * share)))
            send { $0.received(part) }
        case .nothing: break
        }
        send { $0.peerReset() }
    }

    package func finish(deadline: Deadline) async {
        if isClosed { return }
        isFinished = true
        arrival.send()
        send { $0.peerEnded() }
        while inbound == .open, !isClosed {
            if (try? await arrival.wait(until: deadline)) == nil { break }
        }
        isClosed = true
        arrival.send()
    }

    package func close() {
        if isClosed { return }
        isClosed = true
        arrival.send()
        // A kernel answers what it has not delivered with a reset.
        if !isFinished { readable.isEmpty ? send { $0.peerEnded() } : send { $0.peerReset() } }
    }

    /// What happens to the connection when its process is killed: of the next bytes on their way a share may be all that
    /// arrives.
    func processDied(cut: Double?) {
        isClosed = true
        if let cut {
            server.cut = cut
            send { $0.peerReset() }
        } else {
            send { $0.peerEnded() }
        }
    }

    private func send(_ deliver: @escaping @LoopActor (ServerEnd) -> Void) {
        lastArrivalAtServer = max(lastArrivalAtServer, .after(network.delay(address)))
        network.deliver(at: lastArrivalAtServer, key: outward) { [server] in deliver(server) }
    }

    // MARK: - From the world

    fileprivate func deliver(_ bytes: [UInt8]) { arrive { $0.readable += bytes } }

    fileprivate func deliverEnd() { arrive { $0.inbound = $0.inbound == .reset ? .reset : .ended } }

    fileprivate func deliverReset() {
        simulation.after(network.delay(address)) {
            self.inbound = .reset
            self.readable = []
            self.arrival.send()
        }
    }

    private func arrive(_ change: @escaping @LoopActor (SimulatedStream) -> Void) {
        lastArrivalHere = max(lastArrivalHere, .after(network.delay(address)))
        network.deliver(at: lastArrivalHere, key: inward) {
            if self.inbound != .open { return }
            change(self)
            self.arrival.send()
        }
    }
}

/// The world's end of a connection: calls back what arrives, and never blocks.
@LoopActor
package final class ServerEnd {
    /// Called with bytes as they arrive, in pieces of any size.
    package var onBytes: (@LoopActor ([UInt8]) -> Void)?
    /// Called once when the daemon's end has ended, in order or by a reset.
    package var onEnd: (@LoopActor (_ isReset: Bool) -> Void)?
    /// Whether nothing more arrives or can be sent.
    package private(set) var isOver = false
    fileprivate weak var stream: SimulatedStream?
    /// The share of the next bytes that still arrives before the connection is reset.
    fileprivate var cut: Double?

    fileprivate init() {}

    /// Sends bytes, in order.
    package func send(_ bytes: [UInt8]) { if !isOver { stream?.deliver(bytes) } }

    /// Ends this direction after what was sent.
    package func end() { stream?.deliverEnd() }

    /// Resets the connection: what has not arrived yet is lost in both directions.
    package func reset() {
        if isOver { return }
        isOver = true
        stream?.deliverReset()
    }

    fileprivate func received(_ bytes: [UInt8]) {
        if isOver { return }
        guard let cut else { return onBytes?(bytes) ?? () }
        onBytes?(Array(bytes.prefix(Int(Double(bytes.count) * cut))))
        peerReset()
    }

    fileprivate func peerEnded() {
        if isOver { return }
        isOver = true
        onEnd?(false)
        end()
    }

    fileprivate func peerReset() {
        if isOver { return }
        isOver = true
        onEnd?(true)
    }
}
