// SPDX-License-Identifier: Apache-2.0

import Compression

/// Expands the input, whole and byte by byte, and stops the process when the two differ or when more comes out than the
/// limit allows.
enum GzipFuzz {
    private static let outputBytesMax = 10_000

    static func feed(_ input: [UInt8]) {
        let whole = expanded([input])
        let single = expanded(input.map { [$0] })
        insist(whole == single, "whole: \(whole), byte by byte: \(single)")
    }

    private static func expanded(_ pieces: [[UInt8]]) -> Result<[UInt8], CompressionError> {
        Result { () throws(CompressionError) in
            let decompressor = GzipDecompressor(outputBytesMax: outputBytesMax)
            var output: [UInt8] = []
            for piece in pieces {
                decompressor.feed(piece)
                while let part = try decompressor.next() {
                    insist(!part.isEmpty, "a part without bytes")
                    output += part
                }
            }
            insist(output.count <= outputBytesMax, "\(output.count) bytes")
            try decompressor.finish()
            return output
        }
    }
}
