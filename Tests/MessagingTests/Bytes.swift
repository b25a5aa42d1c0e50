// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Messaging
import Testing

/// The eight bytes of `number`, least first.
func littleEndian(_ number: Int) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
}

/// `byteCount` bytes that differ from their neighbours, so a lost or doubled piece shows.
func pattern(_ byteCount: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
        for index in 0..<byteCount {
            buffer[index] = UInt8(truncatingIfNeeded: index ^ (index >> 8) ^ (index >> 16))
        }
        count = byteCount
    }
}

/// What `body` threw, nil when it returned.
@LoopActor
func outcome(_ body: @LoopActor () async throws -> Void) async -> MessagingError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? MessagingError
    }
}

/// Receives the next message and compares it.
@LoopActor
func expectNext(
    _ link: any MessageLink,
    _ expected: [UInt8],
    sourceLocation: SourceLocation = #_sourceLocation
) async throws {
    let message = try await link.receive(until: .after(.seconds(10)))
    #expect(message == expected, sourceLocation: sourceLocation)
}

/// A number that several pieces of work share.
@LoopActor
final class Counter {
    var count = 0
}
