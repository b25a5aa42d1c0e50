// SPDX-License-Identifier: Apache-2.0

/// Gzip (RFC 1952) over values that fit in memory; `GzipCompressor` and `GzipDecompressor` serve the larger ones.
package enum Gzip {
    /// The two bytes every member starts with; the job runner tells a compressed result by them.
    package static let magic: [UInt8] = [0x1F, 0x8B]

    /// Returns `bytes` as one gzip member; equal input gives equal output.
    package static func compress(_ bytes: [UInt8], level: Int = 6) -> [UInt8] {
        let compressor = GzipCompressor(level: level)
        compressor.feed(bytes)
        compressor.finish()
        var output: [UInt8] = []
        while let piece = compressor.next() { output += piece }
        return output
    }

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
