// SPDX-License-Identifier: Apache-2.0

import HTTPWire

/// Encodes a request whose parts come from the input, separated by 0xFF, and stops the process when what was
/// accepted could be read as anything but one head with these parts.
enum HTTPRequestFuzz {
    static func feed(_ input: [UInt8]) {
        let parts = input.split(separator: 0xFF, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        guard parts.count >= 4 else { return }
        var headers: HeaderFields = ["host": "h"]
        for index in stride(from: 2, to: parts.count - 1, by: 2) {
            headers.append(parts[index], parts[index + 1])
        }
        let head = RequestHead(method: parts[0], target: parts[1], headers: headers)
        guard let bytes = try? RequestEncoder.encode(head, contentLength: nil) else { return }
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        insist(lines.count == headers.count + 3, "\(lines.count) lines from \(headers.count) fields")
        insist(lines.dropLast().allSatisfy { $0.last == UInt8(ascii: "\r") }, "a line without CR")
        insist(bytes.count { $0 == UInt8(ascii: "\r") } == lines.count - 1, "a CR inside a line")
        insist(
            lines[lines.count - 2].count == 1 && lines[lines.count - 1].isEmpty,
            "more than one head"
        )
        insist(lines[0].count { $0 == UInt8(ascii: " ") } == 2, "a first line of more than three words")
    }
}
