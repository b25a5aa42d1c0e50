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
    private let delay: @LoopActor () -> Duration
    private var arrived: [UInt8] = []
    /// How many of those bytes were read.
    private var readCount = 0
    private var inbound = Inbound.open
    private var isClosed = false
    private var isFinished = false
    private let arrival = Broadcast()
    private var lastArrivalAtServer = Deadline.now
    private var lastArrivalHere = Deadline.now
    /// The world's end.
    package let server: ServerEnd

    /// Both ends of an open connection; `delay` is drawn for each piece of bytes.
    package init(_ simulation: Simulation, delay: @escaping @LoopActor () -> Duration) {
        self.simulation = simulation
        self.delay = delay
        server = ServerEnd()
        server.stream = self
    }

    /// Whether nothing more can happen on it.
    var isGone: Bool { isClosed }

    package var isIdleAndOpen: Bool { !isClosed && inbound == .open && isDrained }

    package func read(upTo maximumCount: Int, deadline: Deadline) async throws(TransportError) -> [UInt8] {
        while true {
            if isClosed || isFinished { throw .closed }
            if case .reset = inbound {
                throw .systemCall(SystemCallError(call: "recv", number: ECONNRESET), .read)
            }
            if !isDrained { return take(upTo: maximumCount) }
            if case .ended = inbound { return [] }
            do throws(WaitError) {
                try await arrival.wait(until: deadline)
            } catch {
                throw error == .cancelled ? .cancelled : .deadlinePassed(.read)
            }
        }
    }

    private var isDrained: Bool { readCount == arrived.count }

    private func take(upTo maximumCount: Int) -> [UInt8] {
        let end = min(arrived.count, readCount + maximumCount)
        let bytes = readCount == 0 && end == arrived.count ? arrived : Array(arrived[readCount..<end])
        readCount = end
        if isDrained { (arrived, readCount) = ([], 0) }
        return bytes
    }

    package func write(_ bytes: [UInt8], deadline: Deadline) async throws(TransportError) {
        if isClosed || isFinished { throw .closed }
        if case .reset = inbound {
            throw .systemCall(SystemCallError(call: "send", number: ECONNRESET), .write)
        }
        if bytes.isEmpty { return }
        send { $0.received(bytes) }
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
        if !isFinished { isDrained ? send { $0.peerEnded() } : send { $0.peerReset() } }
    }

    /// What happens to the connection when its process is killed: a part of what is on its way is lost with it.
    func processDied(bytesLost: Bool) {
        isClosed = true
        if bytesLost {
            server.cutAtNextByte = true
            send { $0.peerReset() }
        } else {
            send { $0.peerEnded() }
        }
    }

    private func send(_ deliver: @escaping @LoopActor (ServerEnd) -> Void) {
        lastArrivalAtServer = max(lastArrivalAtServer, .after(delay()))
        simulation.after(lastArrivalAtServer.remaining) { [server] in deliver(server) }
    }

    // MARK: - From the world

    fileprivate func deliver(_ bytes: [UInt8]) {
        arrive {
            if !$0.isDrained {
                $0.arrived += bytes
                return
            }
            ($0.arrived, $0.readCount) = (bytes, 0)
        }
    }

    fileprivate func deliverEnd() { arrive { $0.inbound = $0.inbound == .reset ? .reset : .ended } }

    fileprivate func deliverReset() {
        simulation.after(delay()) {
            self.inbound = .reset
            self.arrived = []
            self.readCount = 0
            self.arrival.send()
        }
    }

    private func arrive(_ change: @escaping @LoopActor (SimulatedStream) -> Void) {
        lastArrivalHere = max(lastArrivalHere, .after(delay()))
        simulation.after(lastArrivalHere.remaining) {
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
    fileprivate var cutAtNextByte = false

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
        onBytes?(cutAtNextByte ? Array(bytes.prefix(bytes.count / 2)) : bytes)
        if cutAtNextByte { peerReset() }
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
