// SPDX-License-Identifier: Apache-2.0

package import EventLoop

/// The addresses of `host`, a name or a numeric address, with `port`; never none.
///
/// A name is looked up as /etc/nsswitch.conf, /etc/hosts and /etc/resolv.conf say at this moment. `servers`,
/// comma-separated addresses with ports, stand in for those of resolv.conf. When one family has answered, the
/// other gets `resolutionDelay` more (RFC 8305 section 8, "Resolution Delay").
@LoopActor
package func resolve(
    _ host: String,
    port: UInt16,
    servers: String? = nil,
    resolutionDelay: Duration = .milliseconds(50),
    deadline: Deadline
) async throws(TransportError) -> [SocketAddress] {
    if let address = SocketAddress(numeric: host, port: port) { return [address] }
    guard isPlausibleName(host) else { throw .unresolved(host: host, .malformed) }
    let lookup = try NameLookup(host, port: port, servers: servers)
    let outcome = await lookup.run(deadline, resolutionDelay)
    lookup.end()
    return try outcome.get()
}

/// Whether a name server could know `name`: 253 bytes at most (RFC 1035 section 2.3.4), none of them white
/// space, control or beyond ASCII.
private func isPlausibleName(_ name: String) -> Bool {
    let bytes = name.utf8
    return !bytes.isEmpty && bytes.count <= 254 && bytes.allSatisfy { 0x21...0x7E ~= $0 }
}
