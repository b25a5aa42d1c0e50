// SPDX-License-Identifier: Apache-2.0

internal import Encodings

/// How an HTTP/1.1 connection becomes a WebSocket (RFC 6455 section 4): a request, and the one answer that will do.
package struct WebSocketUpgrade: Sendable {
    /// The head of the answer may have so many bytes; Scaler's has 129, its own programs take 64 KiB.
    package static let headByteCountMax = 16 * 1024
    /// What a server adds to the key before it digests both (section 1.3).
    private static let suffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

    private let key: String

    /// Makes one with 16 random bytes.
    package init(nonce: [UInt8]) { key = Base64.encode(nonce) }

    /// The request for `path` of a server at a name or a numeric address.
    package func request(host: String, port: UInt16, path: String) -> [UInt8] {
        // A zone means something on this host only (RFC 6874 section 3).
        let name = host.prefix { $0 != "%" }
        let shown = name.utf8.contains(UInt8(ascii: ":")) ? "[\(name)]" : "\(name)"
        let lines = [
            "GET \(path) HTTP/1.1", "Host: \(shown):\(port)", "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Key: \(key)", "Sec-WebSocket-Version: 13", "", "",
        ]
        return Array(lines.joined(separator: "\r\n").utf8)
    }

    /// Judges the answer that begins with `bytes`, and returns what follows its head; nil when it is not whole.
    package func remainder(of bytes: [UInt8]) throws(WebSocketFault) -> [UInt8]? {
        let beginning = Array("HTTP/1.1 ".utf8)
        guard bytes.starts(with: beginning.prefix(bytes.count)) else { throw .noHTTP }
        let window = bytes.prefix(Self.headByteCountMax)
        // Not `firstRange(of:)`, which links a whole regular expression engine.
        let ending = Array("\r\n\r\n".utf8)
        guard let end = window.indices.first(where: { window[$0...].starts(with: ending) }) else {
            if window.count == Self.headByteCountMax { throw .malformedAnswer }
            return nil
        }
        try judge(String(decoding: bytes[..<end], as: UTF8.self))
        return Array(bytes[(end + ending.count)...])
    }

    private func judge(_ head: String) throws(WebSocketFault) {
        let lines = head.split(separator: "\r\n", omittingEmptySubsequences: false)
        let status = lines[0].dropFirst("HTTP/1.1 ".count).prefix(3)
        guard status.count == 3, status.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) else { throw .malformedAnswer }
        guard status == "101" else { throw .refused(status: String(status)) }
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { throw .malformedAnswer }
            let isSpace = { (character: Character) in character == " " || character == "\t" }
            let value = line[line.index(after: colon)...].drop(while: isSpace).reversed().drop(while: isSpace)
                .reversed()
            fields[line[..<colon].lowercased(), default: ""] += "," + value
        }
        guard contains("websocket", in: fields["upgrade"]), contains("upgrade", in: fields["connection"])
        else {
            throw .malformedAnswer
        }
        let digest = DigestAlgorithm.sha1.digest(Array((key + Self.suffix).utf8))
        guard fields["sec-websocket-accept"] == "," + Base64.encode(digest) else { throw .wrongAccept }
        guard fields["sec-websocket-extensions"] == nil, fields["sec-websocket-protocol"] == nil else {
            throw .unofferedChoice
        }
    }

    /// Whether a field's list has `token`, in any case.
    private func contains(_ token: String, in list: String?) -> Bool {
        let items = list?.lowercased().split(whereSeparator: { ", \t".contains($0) }) ?? []
        return items.contains { $0 == token }
    }
}
