// SPDX-License-Identifier: Apache-2.0

import EventLoop
import TestSupport
import Testing
import Transport

@Suite struct BlobTests {
    /// A hundred bytes that all differ, in memory and in a file.
    private static let bytes = (UInt8(0)..<100).map { $0 }

    @LoopActor private static func blob(inFile: Bool) async throws -> Blob {
        var writer = BlobWriter(memoryBytesMax: inFile ? 0 : 100)
        try await writer.append(bytes)
        return writer.blob
    }

    @Test func `bytes stay in memory up to the limit and go to a file above it`() async throws {
        try await onLoop {
            var writer = BlobWriter(memoryBytesMax: 10)
            #expect(writer.blob.bytesInMemory == [])
            try await writer.append([UInt8](repeating: 1, count: 10))
            #expect(writer.blob.memoryByteCount == 10)
            try await writer.append([2])
            #expect(writer.blob.memoryByteCount == 0 && writer.blob.bytesInMemory == nil)
            try await writer.append([3, 4])
            #expect(writer.blob.byteCount == 13)
            #expect(writer.blob.memoryByteCount == 0)
            #expect(try writer.blob.bytes(at: 9, upTo: 100) == [1, 2, 3, 4])
        }
    }

    @Test func `others have turns while many bytes go to a file`() async throws {
        try await onLoop {
            var writer = BlobWriter()
            try await writer.append([UInt8](repeating: 1, count: Blob.memoryBytesMax))
            let begin = EventLoop.statistics.turnCount
            try await writer.append([2])
            #expect(EventLoop.statistics.turnCount - begin >= Blob.memoryBytesMax / Blob.sliceBytesMax)
            #expect(writer.blob.byteCount == Blob.memoryBytesMax + 1)
            #expect(try writer.blob.bytes(at: Blob.memoryBytesMax - 1, upTo: 9) == [1, 2])
            let parts = EventLoop.statistics.turnCount
            for _ in 0..<8 { try await writer.append([UInt8](repeating: 3, count: Blob.sliceBytesMax / 4)) }
            #expect(EventLoop.statistics.turnCount - parts >= 2)
        }
    }

    @Test(arguments: [false, true])
    func `a part of a part is read from the same store, and never beyond its own end`(
        inFile: Bool
    ) async throws {
        try await onLoop {
            let part = try await Self.blob(inFile: inFile).part(10..<50).part(5..<15)
            #expect(part.byteCount == 10)
            #expect(try part.bytes(at: 0, upTo: .max - 100) == Array(15..<25))
            #expect(try part.bytes(at: 7, upTo: 2) == [22, 23])
            #expect(try part.bytes(at: 9, upTo: 2) == [24])
            #expect(try part.bytes(at: 10, upTo: 2) == [])
            #expect(try part.bytes(at: 1000, upTo: 2) == [])
            #expect(part.bytesInMemory == (inFile ? nil : Array(15..<25)))
        }
    }
}
