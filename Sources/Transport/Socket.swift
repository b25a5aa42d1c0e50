// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import Glibc

/// Owns one non-blocking socket; the number never leaves this file.
///
/// A socket that nobody holds any more closes itself, so no path through an error can leak a descriptor.
@LoopActor
final class Socket {
    private let fileDescriptor: Int32
    private var readiness: Readiness
    private(set) var isClosed = false

    /// Takes ownership of `fileDescriptor`, which is non-blocking already.
    private init(owning fileDescriptor: Int32) {
        self.fileDescriptor = fileDescriptor
        readiness = Readiness(fileDescriptor)
    }

    convenience init(for address: SocketAddress) throws(SystemCallError) {
        // The kernel would be given the beginning of the path, and another file be meant.
        if address.isTooLong {
            throw SystemCallError(call: "socket", number: ENAMETOOLONG)
        }
        self.init(owning: try openSocket(family: address.family))
    }

    /// Begins to connect; the outcome shows in `takeError` once the socket is writable.
    func beginConnect(to address: SocketAddress) throws(SystemCallError) {
        do throws(SystemCallError) {
            _ = try systemCall("connect") { Int(address.withSockaddr { connect(fileDescriptor, $0, $1) }) }
        } catch  where [EINPROGRESS, EALREADY, EISCONN].contains(error.number) {
            // An interrupted connect goes on by itself; called again it says EALREADY, or EISCONN when done.
            return
        }
    }

    /// The error that the kernel holds for the socket, which thereby forgets it.
    func takeError(_ call: StaticString) throws(SystemCallError) {
        var number: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        try promptSystemCall("getsockopt") {
            Int(getsockopt(fileDescriptor, SOL_SOCKET, SO_ERROR, &number, &length))
        }
        if number != 0 { throw SystemCallError(call: "\(call)", number: number) }
    }

    /// Begins to listen at `address`, which may have been in use a moment ago.
    func listen(at address: SocketAddress, backlog: Int32) throws(SystemCallError) {
        try setOption(SOL_SOCKET, SO_REUSEADDR, 1)
        try promptSystemCall("bind") { Int(address.withSockaddr { bind(fileDescriptor, $0, $1) }) }
        try promptSystemCall("listen") { Int(Glibc.listen(fileDescriptor, backlog)) }
    }

    /// The next connection, nil when none waits.
    func acceptNow() throws(SystemCallError) -> Socket? {
        let accepted: Int?
        do throws(SystemCallError) {
            accepted = try systemCall("accept") { Int(accept(fileDescriptor, nil, nil)) }
        } catch  where error.number == ECONNABORTED {
            return nil  // The peer left while it waited in the queue; that is no fault of the listener.
        }
        guard let accepted else { return nil }
        let socket = Socket(owning: Int32(accepted))
        // Children are started by this thread alone, so setting the flags afterwards is as safe as accept4,
        // which Swift cannot see.
        try socket.control(F_SETFL, O_NONBLOCK)
        try socket.control(F_SETFD, FD_CLOEXEC)
        return socket
    }

    private func control(_ command: Int32, _ value: Int32) throws(SystemCallError) {
        try promptSystemCall("fcntl") { Int(fcntl(fileDescriptor, command, value)) }
    }

    /// The address of this end, nil for families unknown here.
    func localAddress() throws(SystemCallError) -> SocketAddress? { try name("getsockname", getsockname) }

    /// The address of the other end, nil for families unknown here.
    func peerAddress() throws(SystemCallError) -> SocketAddress? { try name("getpeername", getpeername) }

    private func name(
        _ call: StaticString,
        _ function: (Int32, UnsafeMutablePointer<sockaddr>?, UnsafeMutablePointer<socklen_t>?) -> Int32
    ) throws(SystemCallError) -> SocketAddress? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        try promptSystemCall(call) {
            withUnsafeMutablePointer(to: &storage) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Int(function(fileDescriptor, $0, &length))
                }
            }
        }
        return SocketAddress(storage)
    }

    func setOption(_ level: Int32, _ option: Int32, _ value: Int32) throws(SystemCallError) {
        var value = value
        try promptSystemCall("setsockopt") {
            Int(setsockopt(fileDescriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size)))
        }
    }

    /// What is there to read, at most `maximumCount` bytes; nil when nothing is, empty at the peer's end.
    func readNow(upTo maximumCount: Int, peeking: Bool = false) throws(SystemCallError) -> [UInt8]? {
        try ReceiveRoom.bytes(upTo: maximumCount) { buffer throws(SystemCallError) in
            try systemCall("recv") {
                recv(fileDescriptor, buffer.baseAddress, buffer.count, peeking ? Int32(MSG_PEEK) : 0)
            }
        }
    }

    /// Writes a part of `bytes` and returns how many; nil when the kernel takes none now.
    func writeNow(_ bytes: ArraySlice<UInt8>) throws(SystemCallError) -> Int? {
        try systemCall("send") {
            bytes.withUnsafeBytes { send(fileDescriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        }
    }

    func shutdownWriting() throws(SystemCallError) {
        try promptSystemCall("shutdown") { Int(shutdown(fileDescriptor, Int32(SHUT_WR))) }
    }

    /// Suspends until the socket is ready for `interest`, or in error.
    func wait(
        for interest: Interest,
        until deadline: Deadline,
        during phase: TransportPhase
    ) async throws(TransportError) {
        try await waiting(phase) { () async throws(WaitError) in
            try await readiness.wait(for: interest, until: deadline)
        }
    }

    /// Ends every wait with `WaitError.closed`; later ones wait anew.
    func interruptWaits() {
        readiness.close()
        readiness = Readiness(fileDescriptor)
    }

    /// Ends every wait and gives the descriptor back; more than once is harmless.
    func close() {
        if isClosed { return }
        isClosed = true
        readiness.close()
        _ = Glibc.close(fileDescriptor)
    }

    deinit {
        // A wait holds the socket, so none is under way here.
        if !isClosed { _ = Glibc.close(fileDescriptor) }
    }
}

/// A new socket, for a stream of bytes unless said otherwise, which never blocks and is closed in programs that this one
/// starts.
func openSocket(family: Int32, _ kind: __socket_type = SOCK_STREAM) throws(SystemCallError) -> Int32 {
    let flags = Int32(kind.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    return Int32(try promptSystemCall("socket") { Int(socket(family, flags, 0)) })
}
