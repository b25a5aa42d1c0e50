// SPDX-License-Identifier: Apache-2.0

package import EventLoop
internal import Glibc

/// A connected stream socket, over TCP or a path in the file system.
@LoopActor
package final class TCPStream: ByteStream {
    /// Bytes that may be moved without suspending before others run: a peer that is always faster than we are
    /// must not have the loop to itself.
    private static let yieldBudget = 256 * 1024

    private let socket: Socket
    private var isReading = false
    private var isWriting = false
    /// Whether nothing can be written any more: a write has failed, or FIN was sent.
    private var isWriteBroken = false
    /// Whether `finish` has begun, which is then the only reader.
    private var isFinishing = false
    private var yieldBudgetLeft = yieldBudget

    /// Takes over a connected socket.
    init(_ socket: Socket) throws(SystemCallError) {
        self.socket = socket
        if case .unix? = try? socket.localAddress() { return }
        do throws(SystemCallError) {
            // Writes here are whole messages; Nagle's wait for more would only delay them.
            try socket.setOption(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
            try noticeVanishedPeer()
        } catch  where error.number == EOPNOTSUPP {
            return  // not TCP
        }
    }

    /// Sets when a peer that vanished is noticed: after 40 s without a word, as both ends do since Scaler 2.7.0.
    ///
    /// On an idle connection it takes keep-alive probes (RFC 9293 section 3.8.4): the first after 30 s, then one each second.
    /// On one with bytes that the peer has not acknowledged there are no probes, and its retransmissions would take 15
    /// minutes, but for the user timeout (RFC 9293 section 3.9.1, tcp(7)).
    private func noticeVanishedPeer() throws(SystemCallError) {
        try socket.setOption(SOL_SOCKET, SO_KEEPALIVE, 1)
        try socket.setOption(Int32(IPPROTO_TCP), TCP_KEEPIDLE, 30)
        try socket.setOption(Int32(IPPROTO_TCP), TCP_KEEPINTVL, 1)
        try socket.setOption(Int32(IPPROTO_TCP), TCP_KEEPCNT, 10)
        try socket.setOption(Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, 40_000)
    }

    /// The address of the other end; nil once closed or reset, and for paths.
    package var peerAddress: SocketAddress? { socket.isClosed ? nil : try? socket.peerAddress() }

    package func read(upTo maximumCount: Int, deadline: Deadline) async throws(TransportError) -> [UInt8] {
        precondition(maximumCount > 0, "a read of nothing cannot tell the end from no data")
        precondition(!isReading, "a stream has one reader at a time")
        isReading = true
        defer { isReading = false }
        if isFinishing { throw .closed }
        return try await receive(maximumCount, deadline)
    }

    package func write(_ bytes: [UInt8], deadline: Deadline) async throws(TransportError) {
        precondition(!isWriting, "a stream has one writer at a time")
        isWriting = true
        defer { isWriting = false }
        var sent = 0
        while sent < bytes.count {
            await yieldIfBudgetSpent()
            if isFinishing { throw .closed }
            if let count = try writeNow(bytes[sent...]) {
                sent += count
                yieldBudgetLeft -= count
                continue
            }
            do throws(TransportError) {
                try await wait(for: .write, until: deadline)
            } catch {
                isWriteBroken = true
                throw error
            }
        }
    }

    package func finish(deadline: Deadline) async {
        if socket.isClosed || isFinishing { return }
        isFinishing = true
        defer { close() }
        socket.interruptWaits()
        // Those interrupted, and one who was letting others run, take a turn of the loop to leave.
        while isReading || isWriting { await yieldToOthers() }
        do throws(TransportError) {
            try endWriting()
            // A peer that never stops sending would never make us wait, and so never meet the deadline.
            while try await !receive(64 * 1024, deadline).isEmpty, !deadline.isPast {}
        } catch {
            return  // Reset, or the deadline has passed: nobody is left to wait for.
        }
    }

    package func close() { socket.close() }

    package var isIdleAndOpen: Bool {
        if socket.isClosed || isFinishing || isWriteBroken || isReading || isWriting { return false }
        do throws(SystemCallError) {
            return try socket.readNow(upTo: 1, peeking: true) == nil
        } catch {
            return false
        }
    }

    /// What can be read without waiting: nil when nothing, empty at the peer's end.
    func readNow(upTo maximumCount: Int) throws(TransportError) -> [UInt8]? {
        if socket.isClosed { throw .closed }
        return try during(.read) { () throws(SystemCallError) in try socket.readNow(upTo: maximumCount) }
    }

    /// Writes what the kernel takes without waiting and returns how much; nil when nothing.
    func writeNow(_ bytes: ArraySlice<UInt8>) throws(TransportError) -> Int? {
        if socket.isClosed || isWriteBroken { throw .closed }
        do throws(SystemCallError) {
            return try socket.writeNow(bytes)
        } catch {
            isWriteBroken = true
            throw .systemCall(error, .write)
        }
    }

    private func receive(_ maximumCount: Int, _ deadline: Deadline) async throws(TransportError) -> [UInt8] {
        while true {
            await yieldIfBudgetSpent()
            if let bytes = try readNow(upTo: maximumCount) {
                yieldBudgetLeft -= bytes.count
                return bytes
            }
            try await wait(for: .read, until: deadline)
        }
    }

    private func endWriting() throws(TransportError) {
        if socket.isClosed { throw .closed }
        isWriteBroken = true
        try during(.write) { () throws(SystemCallError) in try socket.shutdownWriting() }
    }

    private func wait(for interest: Interest, until deadline: Deadline) async throws(TransportError) {
        yieldBudgetLeft = Self.yieldBudget
        try await socket.wait(for: interest, until: deadline, during: interest == .read ? .read : .write)
    }

    /// Lets others run when as many bytes were moved as may be in one turn of the loop.
    ///
    /// Before bytes are moved and not after: whoever wrote the last byte of a request must know it before the answer
    /// can be there, or the connection counts as one whose request was never finished.
    private func yieldIfBudgetSpent() async {
        if yieldBudgetLeft > 0 { return }
        yieldBudgetLeft = Self.yieldBudget
        await yieldToOthers()
    }
}
