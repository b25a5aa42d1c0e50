// SPDX-License-Identifier: Apache-2.0

import HTTPWire

/// Reads the input as the field lines of an answer, and stops the process when what was accepted could not be sent
/// in a request, or would be read there as anything else.
enum HeaderFieldsFuzz {
    static func feed(_ input: [UInt8]) {
        let limits = ResponseLimits()
        guard let fields = parsed(Array("HTTP/1.1 200 OK\r\n".utf8) + input, limits) else { return }
        for field in fields.fields {
            insist(
                !field.name.isEmpty && field.name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F },
                field.name
            )
            insist(field.value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }, field.value)
            insist(
                fields.contains(field.name) && fields.values(of: field.name).contains(field.value),
                "\(field)"
            )
        }
        _ = fields.listMembers(of: "connection")
        _ = fields.lists("close", in: "connection")
        _ = fields.retryAfter(now: 1_000_000_000, atMost: .seconds(60)).map {
            insist($0 <= .seconds(60), "\($0)")
        }
        var sent: HeaderFields = ["host": "h"]
        for field in fields.fields where !Self.framing.contains(field.name.lowercased()) {
            sent.append(field.name, field.value)
        }
        let request = RequestHead(method: "GET", target: "/", headers: sent)
        guard let encoded = try? RequestEncoder.encode(request, contentLength: nil) else {
            fatalError("accepted and not to be sent: \(sent)")
        }
        let lines = encoded.drop { $0 != UInt8(ascii: "\n") }
        var more = limits
        more.fieldsMax += 1
        let again = parsed(Array("HTTP/1.1 200 OK\r".utf8) + lines, more)
        insist(again == sent, "sent \(sent), read \(String(describing: again))")
    }

    /// Fields that say where a message ends are not for a caller to set.
    private static let framing: Set = ["host", "content-length", "transfer-encoding"]

    private static func parsed(_ answer: [UInt8], _ limits: ResponseLimits) -> HeaderFields? {
        var parser = ResponseParser(answering: "HEAD", limits: limits)
        parser.feed(answer)
        guard case .head(let head, _)? = try? parser.next() else { return nil }
        return head.headers
    }
}
