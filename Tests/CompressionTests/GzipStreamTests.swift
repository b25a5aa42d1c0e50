// SPDX-License-Identifier: Apache-2.0
import TestSupport
import Testing

@testable import Compression

@Suite struct GzipStreamTests {
    @Test(arguments: [1, 2, 7, 1000, 65_536])
    func `input in pieces of any size gives the same bytes both ways`(step: Int) throws {
        var generator = SeededRandom(seed: 42)
        let value = (0..<20_000).map { _ in UInt8.random(in: 0...3, using: &generator) }
        let compressor = GzipCompressor()
        var packed: [UInt8] = []
        for start in stride(from: 0, to: value.count, by: step) {
            compressor.feed(Array(value[start..<min(start + step, value.count)]))
            while let piece = compressor.next() { packed += piece }
        }
        compressor.finish()
        while let piece = compressor.next() { packed += piece }
        #expect(packed == Gzip.compress(value))

        let decompressor = GzipDecompressor(outputBytesMax: value.count)
        var unpacked: [UInt8] = []
        for start in stride(from: 0, to: packed.count, by: step) {
            decompressor.feed(Array(packed[start..<min(start + step, packed.count)]))
            while let piece = try decompressor.next() { unpacked += piece }
        }
        try decompressor.finish()
        #expect(unpacked == value)
    }

    @Test func `a large value goes through in small pieces of output`() throws {
        let block = [UInt8](repeating: 9, count: 65_536)
        let compressor = GzipCompressor(level: 1)
        let decompressor = GzipDecompressor(outputBytesMax: .max)
        var unpackedBytes = 0
        func unpack(_ packed: [UInt8]) throws {
            decompressor.feed(packed)
            while let piece = try decompressor.next() {
                #expect(piece.count <= 65_536)
                unpackedBytes += piece.count
            }
        }
        for _ in 0..<320 {
            compressor.feed(block)
            while let piece = compressor.next() { try unpack(piece) }
        }
        compressor.finish()
        while let piece = compressor.next() { try unpack(piece) }
        try decompressor.finish()
        #expect(unpackedBytes == 320 * 65_536)
    }

    @Test func `pieces that pile up are kept in order`() throws {
        let compressor = GzipCompressor()
        let decompressor = GzipDecompressor(outputBytesMax: 100)
        for word in ["one ", "two ", "three"] { compressor.feed(Array(word.utf8)) }
        compressor.finish()
        var packed: [UInt8] = []
        while let piece = compressor.next() { packed += piece }
        for byte in packed { decompressor.feed([byte]) }
        #expect(try decompressor.next() == Array("one two three".utf8))
        #expect(try decompressor.next() == nil)
        try decompressor.finish()
    }
}
