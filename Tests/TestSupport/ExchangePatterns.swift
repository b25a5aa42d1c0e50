// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
package import Transport

/// `byteCount` bytes of which no two stretches look alike, so that a lost or doubled piece shows.
package func patternBytes(_ byteCount: Int, seed: UInt64 = 1) -> [UInt8] {
    var state = seed
    var bytes = [UInt8](repeating: 0, count: byteCount)
    for index in bytes.indices {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        bytes[index] = UInt8(truncatingIfNeeded: state >> 56)
    }
    return bytes
}

/// Writes `block` `repeatCount` times to `stream`; the error that ended it early, if any.
@LoopActor
package func sendRepeatedly(
    _ block: [UInt8],
    _ repeatCount: Int,
    to stream: any ByteStream
) async -> TransportError? {
    do throws(TransportError) {
        for _ in 0..<repeatCount { try await stream.write(block, deadline: soon) }
        return nil
    } catch {
        return error
    }
}

/// Reads until `byteCount` bytes have come or the peer has ended, and digests them.
@LoopActor
package func receiveDigest(
    _ byteCount: Int,
    from stream: any ByteStream
) async throws(TransportError) -> [UInt8] {
    let digest = RunningDigest()
    var received = 0
    while received < byteCount {
        let bytes = try await stream.read(upTo: min(64 * 1024, byteCount - received), deadline: soon)
        if bytes.isEmpty { break }
        digest.update(bytes)
        received += bytes.count
    }
    return digest.digest()
}

/// Reads until the peer has ended.
@LoopActor
package func readToEnd(_ stream: any ByteStream) async throws(TransportError) -> [UInt8] {
    var all: [UInt8] = []
    while true {
        let bytes = try await stream.read(upTo: 64 * 1024, deadline: soon)
        if bytes.isEmpty { return all }
        all += bytes
    }
}

/// Sends `blockCount` blocks each way at the same time; whether both ends received what the other sent.
@LoopActor
package func floodBothWays(
    _ first: any ByteStream,
    _ second: any ByteStream,
    blockCount: Int
) async throws(TransportError) -> Bool {
    let block = patternBytes(1 << 20)
    let expected = RunningDigest()
    for _ in 0..<blockCount { expected.update(block) }
    let wanted = expected.digest()
    let byteCount = block.count * blockCount
    let sending = [first, second].map { stream in
        spawn { await sendRepeatedly(block, blockCount, to: stream) }
    }
    let receiving = spawn { try? await receiveDigest(byteCount, from: second) == wanted }
    let isRight = try await receiveDigest(byteCount, from: first) == wanted
    let isOtherRight = await receiving.value
    for sender in sending {
        if let error = await sender.value { throw error }
    }
    return isRight && isOtherRight == true
}
