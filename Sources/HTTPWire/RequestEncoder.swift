// SPDX-License-Identifier: Apache-2.0

internal import Encodings

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

/// Writes request heads (RFC 9112 section 3), and refuses what would not be read back as it was meant.
///
/// Object names, tags and identifiers from outside end up in targets and header values. One CR LF among them would
/// be a second request of the attacker's making, signed by us: so every byte is checked here, at the one gate that
/// all requests pass, and nothing is repaired.
package enum RequestEncoder {
    /// The bytes of `head`, empty line included.
    ///
    /// `contentLength` is the number of body bytes that follow, or nil for a request that has no body and does not
    /// say so (RFC 9110 section 8.6). A Content-Length among the headers must agree with it.
    package static func encode(_ head: RequestHead, contentLength: Int?) throws(HTTPWireError) -> [UInt8] {
        try checkFirstLine(head)
        try checkFraming(head.headers, contentLength)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(512 + head.target.utf8.count)
        bytes.append(contentsOf: "\(head.method) \(head.target) HTTP/1.1\r\n".utf8)
        for field in head.headers.fields { try append(field.name, field.value, to: &bytes) }
        if let contentLength, !head.headers.contains("content-length") {
            try append("content-length", String(contentLength), to: &bytes)
        }
        bytes.append(contentsOf: "\r\n".utf8)
        return bytes
    }

    private static func checkFirstLine(_ head: RequestHead) throws(HTTPWireError) {
        guard !head.method.isEmpty, isToken(head.method) else {
            throw .unencodableRequest(.method)
        }
        // Visible ASCII only: everything else must have been percent-encoded (RFC 3986 section 2).
        guard !head.target.isEmpty, head.target.isVisibleASCII else {
            throw .unencodableRequest(.target)
        }
    }

    private static func checkFraming(_ headers: HeaderFields, _ contentLength: Int?) throws(HTTPWireError) {
        // Exactly one (RFC 9112 section 3.2).
        guard headers.values(of: "host").count == 1 else { throw .unencodableRequest(.host) }
        // OCI Object Storage takes no chunked uploads, so there is never a reason to send this.
        guard !headers.contains("transfer-encoding") else { throw .unencodableRequest(.transferEncoding) }
        let declared = headers.values(of: "content-length")
        guard declared.isEmpty || declared == [String(contentLength ?? 0)] else {
            throw .unencodableRequest(.contentLength)
        }
    }

    private static func append(
        _ name: String,
        _ value: String,
        to bytes: inout [UInt8]
    ) throws(HTTPWireError) {
        guard !name.isEmpty, isToken(name) else { throw .unencodableRequest(.fieldName) }
        guard hasOnly(value, Grammar.isFieldContent), hasBareEdges(value) else {
            throw .unencodableRequest(.fieldValue)
        }
        bytes.append(contentsOf: name.utf8)
        bytes.append(contentsOf: ": ".utf8)
        bytes.append(contentsOf: value.utf8)
        bytes.append(contentsOf: "\r\n".utf8)
    }

    private static func isToken(_ text: String) -> Bool { hasOnly(text, Grammar.isToken) }

    private static func hasOnly(_ text: String, _ isWanted: (UInt8) -> Bool) -> Bool {
        let bytes = text.utf8Span.span
        for index in bytes.indices where !isWanted(bytes[index]) { return false }
        return true
    }

    /// White space around a value is taken off by the receiver (RFC 9110 section 5.5), and a signature made over it
    /// no longer fits.
    private static func hasBareEdges(_ value: String) -> Bool {
        guard let first = value.utf8.first, let last = value.utf8.last else { return true }
        return !Grammar.isWhitespace(first) && !Grammar.isWhitespace(last)
    }
}
