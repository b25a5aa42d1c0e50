// SPDX-License-Identifier: Apache-2.0

/// The first line and header section of a request (RFC 9112 section 3).
package struct RequestHead: Equatable, Sendable {
    /// The method, for example `GET`; case counts.
    package var method: String
    /// The request target as it goes on the wire: path and query already percent-encoded, or `host:port` for CONNECT.
    package var target: String
    /// The header section, Host included.
    package var headers: HeaderFields

    /// A request head; nothing is checked until it is encoded.
    package init(method: String, target: String, headers: HeaderFields) {
        self.method = method
        self.target = target
        self.headers = headers
    }
}
