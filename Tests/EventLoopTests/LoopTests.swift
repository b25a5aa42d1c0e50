// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Glibc
import TestSupport
import Testing

@Suite struct LoopTests {
    @Test func `a job that enqueues jobs for ever does not starve a timer`() async throws {
        try await onLoop {
            let busy = spawn {
                while !isCancelled { await yieldToOthers() }
            }
            try await sleep(for: .milliseconds(5))
            busy.cancel()
            await busy.value
        }
    }

    @Test func `ten thousand sleepers each wake once and never early`() async throws {
        try await onLoop {
            let sleepers = (0..<10_000).map { index in
                spawn { () async -> Bool in
                    let deadline = Deadline.after(.microseconds(index % 977))
                    try? await sleep(until: deadline)
                    return deadline.isPast
                }
            }
            for sleeper in sleepers { #expect(await sleeper.value) }
        }
    }
}

/// Two connected non-blocking sockets.
final class SocketPair: Sendable {
    let first: Int32
    let second: Int32

    init() throws {
        var descriptors: [Int32] = [0, 0]
        let status = socketpair(
            AF_UNIX,
            Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue),
            0,
            &descriptors
        )
        try #require(status == 0)
        first = descriptors[0]
        second = descriptors[1]
    }

    func sendByte() {
        var byte: UInt8 = 1
        write(second, &byte, 1)
    }

    func receiveByte() -> Bool {
        var byte: UInt8 = 0
        return read(first, &byte, 1) == 1
    }

    deinit {
        close(first)
        close(second)
    }
}
