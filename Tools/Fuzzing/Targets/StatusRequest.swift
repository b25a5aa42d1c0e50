// SPDX-License-Identifier: Apache-2.0

import HTTPWire

/// Reads the input as a request to the status server, whole and byte by byte, and stops the process when the two differ, when
/// more is kept than a head may have, or when a page is named before the head has ended.
enum StatusRequestFuzz {
    static func feed(_ input: [UInt8]) {
        var whole = StatusRequestHead()
        whole.append(input)
        var single = StatusRequestHead()
        for (index, byte) in input.enumerated() {
            single.append([byte])
            guard !single.isWhole else { continue }
            insist(single.request == .notHTTP, "\(single.request) after \(index + 1) bytes")
        }
        insist(whole.request == single.request, "whole: \(whole.request), byte by byte: \(single.request)")
        insist(whole.isWhole == single.isWhole, "whole in one way")
        switch whole.request {
        case .get(let path), .head(let path):
            insist(
                whole.isWhole && !path.utf8.contains { $0 == 0x20 || $0 == 0x0A || $0 == UInt8(ascii: "?") },
                path
            )
        case .tooLarge:
            insist(input.count > StatusRequestHead.byteCountMax, "\(input.count) bytes are too many")
        case .otherMethod, .notHTTP: return
        }
    }
}
