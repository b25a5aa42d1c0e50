// SPDX-License-Identifier: Apache-2.0
//
// At most one process of a name on this host.
//
// Rule: an abstract socket address (unix(7)) belongs to whoever binds it first, and the kernel forgets it with the process,
// however that ends. But every user of the host may bind it, and so keep ours from us.
// Rule: whoever connects is told by the kernel who listens (SO_PEERCRED, unix(7)), which nobody can forge.
// Consequence: a holder listens, and it is believed if it is of our own user or root's. A daemon lets those go who have asked: the
// queue of connections has room for some thousands, and a full one tells nobody anything.
// Rejected: a lock file. Where everybody may write, a stranger can make and lock it as well; in a directory of the user's
// own, neither a daemon of another user nor `reap` by an administrator sees it.

package import EventLoop
internal import Glibc

/// A name that only one process of the host holds at a time, for as long as the value lives.
package final class ProcessLock: Sendable {
    private let fileDescriptor: Int32
    private nonisolated(unsafe) var reception: Reception?

    /// Takes the name; nil if another process holds it.
    ///
    /// `name` is at most 100 bytes long. Processes in another network namespace, such as a container's, do not count.
    package init?(named name: String) throws(TransportError) {
        let descriptor = try during(.file) { () throws(SystemCallError) in
            try openSocket(family: AF_UNIX)
        }
        let address = SocketAddress.abstract(name: name)
        do throws(SystemCallError) {
            try promptSystemCall("bind") { Int(address.withSockaddr { bind(descriptor, $0, $1) }) }
            try promptSystemCall("listen") { Int(listen(descriptor, Int32(Int16.max))) }
        } catch {
            close(descriptor)
            guard error.number == EADDRINUSE else { throw .systemCall(error, .file) }
            return nil
        }
        fileDescriptor = descriptor
    }

    /// Lets those go who asked who holds the name, for as long as it is held; returns the work that does.
    @discardableResult
    @LoopActor package func letVisitorsGo() -> Spawned<Void> {
        let reception = Reception(fileDescriptor)
        self.reception = reception
        return spawn { await reception.run() }
    }

    deinit {
        // One that has a reception is held on the loop.
        if let reception { LoopActor.assumeIsolated { reception.close() } }
        close(fileDescriptor)
    }
}

/// Accepts connections only to close them.
@LoopActor
private final class Reception {
    /// After an accept that failed, as for want of a descriptor.
    private static let pause: Duration = .seconds(1)

    private let fileDescriptor: Int32
    private let readiness: Readiness
    private var isClosed = false

    init(_ fileDescriptor: Int32) {
        self.fileDescriptor = fileDescriptor
        readiness = Readiness(fileDescriptor)
    }

    func run() async {
        while (try? await readiness.wait(for: .read, until: .never)) != nil, !isClosed {
            let visitor = accept(fileDescriptor, nil, nil)
            if visitor >= 0 { Glibc.close(visitor) } else { try? await sleep(for: Self.pause) }
        }
    }

    /// Before the descriptor is closed.
    func close() {
        isClosed = true
        readiness.close()
    }
}

/// The process that holds a name, as the kernel knows it.
package struct NameHolder: Sendable, Equatable, CustomStringConvertible {
    /// Its number; 0 where it cannot be seen from here.
    package let processID: Int32
    /// Number of its user.
    package let userID: UInt32
    /// Whether it is of the user of the process that asks, or root's; a stranger's says nothing.
    package let isTrusted: Bool

    /// A holder as a process of `ownUserID` sees it.
    package init(processID: Int32, userID: UInt32, ownUserID: UInt32) {
        self.processID = processID
        self.userID = userID
        isTrusted = userID == ownUserID || userID == 0
    }

    /// The holder of a name; nil if nobody holds it, or one that does not say who it is, as a holder does.
    package init?(of name: String) {
        guard let descriptor = try? openSocket(family: AF_UNIX) else { return nil }
        defer { close(descriptor) }
        guard SocketAddress.abstract(name: name).withSockaddr({ connect(descriptor, $0, $1) }) == 0 else {
            return nil
        }
        // `struct ucred`, which Swift cannot see: process, user, group.
        var credentials: [UInt32] = [0, 0, 0]
        var length = socklen_t(MemoryLayout<UInt32>.size * credentials.count)
        guard getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0 else { return nil }
        self.init(
            processID: Int32(bitPattern: credentials[0]),
            userID: credentials[1],
            ownUserID: geteuid()
        )
    }

    package var description: String { "process \(processID) of user \(userID)" }
}
