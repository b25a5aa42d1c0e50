// SPDX-License-Identifier: Apache-2.0

/// Where a peer listens.
package enum Endpoint: Sendable, Hashable, CustomStringConvertible {
    /// A TCP port; `host` is a name or a numeric address, IPv6 without brackets.
    case tcp(host: String, port: UInt16)
    /// A UNIX domain socket at a path of this machine; ZMQ only.
    case ipc(path: String)

    /// The form libzmq takes, and people read.
    package var description: String {
        switch self {
        case .tcp(let host, let port): isIPv6 ? "tcp://[\(host)]:\(port)" : "tcp://\(host):\(port)"
        case .ipc(let path): "ipc://\(path)"
        }
    }

    /// Whether the host is a numeric IPv6 address; no name holds a colon.
    var isIPv6: Bool {
        guard case .tcp(let host, _) = self else { return false }
        return host.utf8.contains(UInt8(ascii: ":"))
    }
}
