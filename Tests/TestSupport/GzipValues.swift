// SPDX-License-Identifier: Apache-2.0

package import Compression

extension Gzip {
    /// Returns what `bytes` hold, refusing more than `limit` bytes of output, and anything that is not all gzip.
    package static func decompress(_ bytes: [UInt8], limit: Int) throws(CompressionError) -> [UInt8] {
        let decompressor = GzipDecompressor(outputBytesMax: limit)
        decompressor.feed(bytes)
        var output: [UInt8] = []
        while let piece = try decompressor.next() { output += piece }
        try decompressor.finish()
        return output
    }
}
