// SPDX-License-Identifier: Apache-2.0

package import EventLoop

/// The addresses of `host`, a name or a numeric address, with `port`; never none.
@LoopActor
package func resolve(
    _ host: String,
    port: UInt16,
    deadline: Deadline
) async throws(TransportError) -> [SocketAddress] {
    if let address = SocketAddress(numeric: host, port: port) { return [address] }
    throw .unresolved(host: host, .nameUnknown)
}
