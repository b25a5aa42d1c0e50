// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// A service manager's end of a notify socket (sd_notify(3)), under an abstract name or a path.
package final class NotifyListener: Sendable {
    /// What `NOTIFY_SOCKET` says.
    package let address: String
    private let descriptor: Int32

    /// Binds a socket that is nobody else's.
    package init(isAbstract: Bool = true) {
        let name = "/tmp/scaler-oci-hpc-notify-\(UInt64.random(in: 0 ... .max))"
        address = isAbstract ? "@\(name)" : name
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var unix = sockaddr_un()
        unix.sun_family = sa_family_t(AF_UNIX)
        let path = (isAbstract ? [0] : []) + Array(name.utf8)
        withUnsafeMutableBytes(of: &unix.sun_path) { $0.copyBytes(from: path) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + path.count)
        let isBound = withUnsafePointer(to: &unix) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
        }
        precondition(isBound == 0, "cannot bind \(address): errno \(errno)")
    }

    deinit {
        close(descriptor)
        if address.hasPrefix("/") { unlink(address) }
    }

    /// The next message's lines, which are waited for up to five seconds, so not on the loop; nil if none comes.
    package func next() -> [String]? {
        var question = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&question, 1, 5000) > 0 ? nextNow() : nil
    }

    /// The lines of a message that has arrived already.
    package func nextNow() -> [String]? {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
        guard count >= 0 else { return nil }
        return String(decoding: bytes.prefix(count), as: UTF8.self).split(separator: "\n").map(String.init)
    }
}
