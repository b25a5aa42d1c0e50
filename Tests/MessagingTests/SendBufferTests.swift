// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import Messaging

@Suite struct SendBufferTests {
    /// The size from which a piece is passed on as it is.
    private static let batchByteCount = 64 * 1024

    @Test func `small pieces are joined into one batch, in order`() {
        var buffer = SendBuffer()
        for byte in UInt8(0)..<10 { buffer.append([byte, byte]) }
        #expect(buffer.byteCount == 20)
        #expect(buffer.take() == (0..<10).flatMap { [$0, $0] })
        #expect(buffer.take() == nil)
    }

    @Test func `a large piece is a batch of its own, behind the header that came before it`() {
        var buffer = SendBuffer()
        let payload = [UInt8](repeating: 7, count: Self.batchByteCount)
        buffer.append([1, 2])
        buffer.append(payload)
        buffer.append([3])
        #expect(buffer.take() == [1, 2])
        #expect(buffer.take() == payload)
        #expect(buffer.take() == [3])
        #expect(buffer.take() == nil)
    }

    @Test func `joined pieces that have grown large are a batch, and the next begins another`() {
        var buffer = SendBuffer()
        let piece = [UInt8](repeating: 7, count: Self.batchByteCount / 2)
        for _ in 0..<3 { buffer.append(piece) }
        #expect(buffer.take()?.count == Self.batchByteCount)
        #expect(buffer.take()?.count == Self.batchByteCount / 2)
        #expect(buffer.take() == nil)
    }

    @Test func `bytes count until they are reported as written, not until they are taken`() {
        var buffer = SendBuffer()
        buffer.append([1, 2, 3])
        _ = buffer.take()
        #expect(buffer.byteCount == 3)
        buffer.append([4])
        #expect(buffer.byteCount == 4)
        buffer.didWrite(3)
        #expect(buffer.byteCount == 1)
        #expect(buffer.take() == [4])
    }

    @Test(arguments: [51, 52, 53] as [UInt64])
    func `whatever is appended and taken, all bytes come out once and in order`(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var buffer = SendBuffer()
        var appended: [UInt8] = []
        var taken: [UInt8] = []
        for _ in 0..<300 {
            let isLarge = Int.random(in: 0..<10, using: &random) == 0
            let count = Int.random(in: 0..<(isLarge ? 100_000 : 500), using: &random)
            let piece = [UInt8](repeating: .random(in: 0...255, using: &random), count: count)
            buffer.append(piece)
            appended += piece
            if Bool.random(using: &random), let batch = buffer.take() {
                taken += batch
                buffer.didWrite(batch.count)
            }
            #expect(buffer.byteCount == appended.count - taken.count)
        }
        while let batch = buffer.take() { taken += batch }
        #expect(taken == appended, "seed \(seed)")
    }
}
