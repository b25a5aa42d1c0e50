// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The socket on which a service manager such as systemd awaits messages about this process, each a datagram of lines
/// `NAME=value` (sd_notify(3)).
package final class NotifySocket: Sendable {
    private let descriptor: Int32
    private let address: SocketAddress

    /// `name` is what `NOTIFY_SOCKET` holds: an absolute path, or `@` and a name that is in no file system.
    package init(_ name: String) throws(TransportError) {
        let address = SocketAddress.local(name)
        self.address = address
        descriptor = try during(.listen) { () throws(SystemCallError) in
            guard name.hasPrefix("@") || name.hasPrefix("/") else {
                throw SystemCallError(call: "socket", number: EAFNOSUPPORT)
            }
            if address.isTooLong { throw SystemCallError(call: "socket", number: ENAMETOOLONG) }
            return try openSocket(family: AF_UNIX, SOCK_DGRAM)
        }
    }

    deinit { close(descriptor) }

    /// Sends a message without waiting; false if the other side has no room for it now.
    package func send(_ message: String) throws(TransportError) -> Bool {
        try during(.write) { () throws(SystemCallError) in
            let bytes = Array(message.utf8)
            return try systemCall("sendto") {
                address.withSockaddr { sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), $0, $1) }
            } != nil
        }
    }
}
