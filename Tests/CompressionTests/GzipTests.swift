// SPDX-License-Identifier: Apache-2.0
import TestSupport
import Testing

@testable import Compression

/// `printf 'hello hello hello' | gzip -n`, made by GNU gzip: the far end's bytes, not our own.
private let helloByGzip: [UInt8] = [
    0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0xCB, 0x48, 0xCD, 0xC9, 0xC9, 0x57,
    0xC8, 0x40, 0x90, 0x00, 0x80, 0x88, 0xF9, 0xE5, 0x11, 0x00, 0x00, 0x00,
]
private let hello = Array("hello hello hello".utf8)

private func noise(_ count: Int, seed: UInt64) -> [UInt8] {
    var generator = SeededRandom(seed: seed)
    return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
}

@Suite struct GzipTests {
    @Test func `what GNU gzip wrote is read`() throws {
        #expect(try Gzip.decompress(helloByGzip, limit: 100) == hello)
    }

    @Test(arguments: [0, 1, 4096, 65_536, 65_537, 300_000])
    func `a value comes back as it went in`(count: Int) throws {
        for value in [noise(count, seed: 1), [UInt8](repeating: 7, count: count)] {
            let packed = Gzip.compress(value)
            #expect(packed.starts(with: Gzip.magic))
            #expect(try Gzip.decompress(packed, limit: count) == value)
        }
    }

    @Test(arguments: [0, 1, 4096, 65_535, 65_536, 200_000])
    func `a value that is only stored comes back, alone and behind another`(count: Int) throws {
        let value = noise(count, seed: 5)
        #expect(try Gzip.decompress(Gzip.stored(value), limit: count) == value)
        #expect(Gzip.stored(value).count <= count + 18 + 5 * (count / 65_535 + 1))
        let both = helloByGzip + Gzip.stored(value)
        #expect(try Gzip.decompress(both, limit: hello.count + count) == hello + value)
    }

    @Test func `equal input gives equal bytes, with no time in them`() {
        #expect(Gzip.compress(hello) == Gzip.compress(hello))
        #expect(Gzip.compress(hello)[4..<8].allSatisfy { $0 == 0 })
    }

    @Test func `a value cut at any byte is truncated, never a shorter value`() {
        for count in 0..<helloByGzip.count {
            #expect(throws: CompressionError.truncated) {
                try Gzip.decompress(Array(helloByGzip[..<count]), limit: 100)
            }
        }
    }

    @Test func `output over the limit is refused and a bomb costs no memory`() {
        let bomb = Gzip.compress([UInt8](repeating: 0, count: 50_000_000))
        #expect(bomb.count < 100_000)
        #expect(throws: CompressionError.outputOverLimit(bytesMax: 1000)) {
            try Gzip.decompress(bomb, limit: 1000)
        }
        #expect(throws: CompressionError.outputOverLimit(bytesMax: 16)) {
            try Gzip.decompress(helloByGzip, limit: 16)
        }
        #expect(throws: Never.self) { try Gzip.decompress(helloByGzip, limit: 17) }
    }

    @Test func `several members and zero padding are one value`() throws {
        let padding = [UInt8](repeating: 0, count: 512)
        let two = helloByGzip + [0, 0, 0] + Gzip.compress([]) + helloByGzip + padding
        #expect(try Gzip.decompress(two, limit: 100) == hello + hello)
        #expect(throws: CompressionError.truncated) {
            try Gzip.decompress(helloByGzip + helloByGzip[..<9], limit: 100)
        }
    }

    @Test func `bytes after the last member are an error`() {
        #expect(throws: CompressionError.trailingBytes) {
            try Gzip.decompress(helloByGzip + [1], limit: 100)
        }
        #expect(throws: CompressionError.trailingBytes) {
            try Gzip.decompress(helloByGzip + [0, 0x80, 4], limit: 100)
        }
    }

    @Test func `bytes that are not gzip are corrupt`() {
        for bytes in [[0], Array("plain text".utf8), [0x1F, 0x8C, 8, 0]] as [[UInt8]] {
            #expect(throws: CompressionError.corrupt("incorrect header check")) {
                try Gzip.decompress(bytes + bytes, limit: 100)
            }
        }
    }

    @Test func `a changed byte is noticed, unless it is one that the format ignores`() {
        // Bytes 3 to 9 hold flags, time and system: some values are legal and change nothing.
        for index in Array(0..<3) + Array(10..<helloByGzip.count) {
            var bytes = helloByGzip
            bytes[index] ^= 0x55
            #expect(throws: CompressionError.self) { try Gzip.decompress(bytes, limit: 100) }
        }
    }

    @Test func `random damage ends in a value or a typed error`() {
        let seed = UInt64.random(in: .min ... .max)
        var generator = SeededRandom(seed: seed)
        let sample = Gzip.compress(noise(5000, seed: 3) + [UInt8](repeating: 1, count: 20_000))
        for round in 0..<2000 {
            var bytes = sample
            for _ in 0..<Int.random(in: 1...8, using: &generator) {
                let index = Int.random(in: 0..<bytes.count, using: &generator)
                bytes[index] = .random(in: 0...255, using: &generator)
            }
            bytes.removeLast(Int.random(in: 0...30, using: &generator))
            do throws(CompressionError) {
                let value = try Gzip.decompress(bytes, limit: 100_000)
                #expect(value.count <= 100_000, "seed \(seed) round \(round)")
            } catch {
                #expect(error != .trailingBytes, "seed \(seed) round \(round)")
            }
        }
    }
}
