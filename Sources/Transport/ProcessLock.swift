// SPDX-License-Identifier: Apache-2.0
//
// At most one process of a name on this host.
//
// Rule: a lock in a file needs a directory that can be written, and a look at who left it. An abstract socket address
// (unix(7)) needs neither: the kernel forgets it with the process, however that ends.

internal import Glibc

/// A name that only one process of the host holds at a time, for as long as the value lives.
package final class ProcessLock: Sendable {
    private let fileDescriptor: Int32

    /// Takes the name; nil if another process holds it.
    ///
    /// `name` is at most 100 bytes long. Processes in another network namespace, such as a container's, do not count.
    package init?(named name: String) throws(TransportError) {
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = try during(.file) { () throws(SystemCallError) in
            Int32(try promptSystemCall("socket") { Int(socket(AF_UNIX, kind, 0)) })
        }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        // An address that begins with a zero byte is abstract; its length counts, not a terminator.
        let bytes = [0] + name.utf8.prefix(100)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        do throws(SystemCallError) {
            try promptSystemCall("bind") {
                Int(
                    withUnsafePointer(to: &address) {
                        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
                    }
                )
            }
        } catch {
            close(descriptor)
            guard error.number == EADDRINUSE else { throw .systemCall(error, .file) }
            return nil
        }
        fileDescriptor = descriptor
    }

    deinit { close(fileDescriptor) }
}
