// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Messaging
import TestSupport
import Testing
import Transport

@Suite(.timeLimit(.minutes(1))) struct YMQConnectionTests {
    @Test(arguments: YMQVersion.allCases)
    func `the peer's version is mirrored, and its identity told`(_ version: YMQVersion) async throws {
        try await onLoop {
            let peer = try YMQPeer()
            let accepting = spawn { try? await peer.accept(YMQFraming.hello(version, identity: [1, 2])) }
            let link = try await YMQConnection.connect(
                to: peer.endpoint,
                over: SocketNetwork(),
                identity: Array("me".utf8),
                deadline: soon
            )
            let stream = try #require(await accepting.value)
            try link.send([5])
            let sent = try await readExactly(stream, 14 + 9)
            #expect(sent == YMQFraming.hello(version, identity: Array("me".utf8)) + frame([5]))
            #expect(link.version == version)
            #expect(link.peerIdentity == [1, 2])
            stream.close()
            await link.close(lingering: .seconds(5))
        }
    }

    @Test func `a peer that closes after any number of bytes is a goodbye, after the whole messages`()
        async throws
    {
        let hello = YMQFraming.hello(.one, identity: [1])
        let script = hello + frame([1]) + frame([]) + frame([2, 3])
        let ends = [hello.count, hello.count + 9, hello.count + 17, script.count]
        try await onLoop {
            for length in 0...script.count {
                let peer = try YMQPeer()
                let accepting = spawn {
                    guard let stream = try? await peer.accept(Array(script[..<length])) else { return }
                    await stream.finish(deadline: soon)
                }
                var received: [[UInt8]] = []
                let end = await outcome {
                    let link = try await YMQConnection.connect(
                        to: peer.endpoint,
                        over: SocketNetwork(),
                        identity: [1],
                        deadline: soon
                    )
                    let end = await outcome {
                        while true { received.append(try await link.receive(until: soon)) }
                    }
                    await link.close(lingering: .seconds(5))
                    if let end { throw end }
                }
                await accepting.value
                #expect(end == .closedByPeer, "after \(length) bytes")
                let expected = [[1], [], [2, 3]] as [[UInt8]]
                #expect(received == Array(expected.prefix(max(0, ends.count { $0 <= length } - 1))))
            }
        }
    }

    @Test func `a message that comes by drops ends the link, with how far it came`() async throws {
        try await onLoop {
            let limits = LinkLimits(progressTime: .milliseconds(100))
            let (link, stream) = try await connectedYMQ(limits: limits)
            try await stream.write(frame([1]) + YMQFraming.header(byteCount: 1 << 20), deadline: soon)
            #expect(try await link.receive(until: soon) == [1])
            let drops = spawn {
                while (try? await stream.write([0], deadline: soon)) != nil {
                    try? await sleep(for: .milliseconds(5))
                }
            }
            let end = await outcome { _ = try await link.receive(until: soon) }
            guard case .messageStalled(let byteCount, announced: 1 << 20) = end else {
                Issue.record("ended with \(String(describing: end))")
                return
            }
            #expect(byteCount < 100)
            #expect(await outcome { try link.send([1]) } == end)
            await link.close(lingering: .zero)
            await drops.value
            stream.close()
        }
    }

    @Test func `a message on a slow line arrives, and a pause between two is no matter`()
        async throws
    {
        try await onLoop {
            let progressTime = Duration.seconds(2)
            let (link, stream) = try await connectedYMQ(limits: LinkLimits(progressTime: progressTime))
            let message = pattern(12 << 14)
            let writer = spawn {
                try? await stream.write(YMQFraming.header(byteCount: message.count), deadline: soon)
                for start in stride(from: 0, to: message.count, by: 1 << 14) {
                    try? await sleep(for: .milliseconds(200))
                    try? await stream.write(Array(message[start..<start + (1 << 14)]), deadline: soon)
                }
                try? await sleep(for: progressTime)
                try? await stream.write(frame([2]), deadline: soon)
            }
            #expect(try await link.receive(until: soon) == message)
            #expect(try await link.receive(until: soon) == [2])
            await writer.value
            stream.close()
            await link.close(lingering: .seconds(5))
        }
    }

    @Test func `a reset is an accident, told from a goodbye`() async throws {
        try await onLoop {
            let (link, stream) = try await connectedYMQ()
            try link.send([1])
            try await link.flush(until: soon)
            // Closing with input unread makes the kernel send RST.
            while stream.isIdleAndOpen { await yieldToOthers() }
            stream.close()
            let end = await outcome { _ = try await link.receive(until: soon) }
            guard case .aborted = end else {
                Issue.record("ended with \(String(describing: end))")
                return
            }
            #expect(await outcome { try link.send([1]) } == end)
            await link.close(lingering: .seconds(5))
        }
    }

    @Test func `a reset that a write is told of is not taken for a goodbye by the reader`() async throws {
        try await onLoop {
            let (link, stream) = try await connectedYMQ()
            try link.send([1])
            try await link.flush(until: soon)
            while stream.isIdleAndOpen { await yieldToOthers() }
            stream.close()
            var writing: MessagingError?
            while writing == nil {
                writing = await outcome {
                    try link.send([2])
                    try await link.flush(until: soon)
                }
            }
            let reading = await outcome { _ = try await link.receive(until: soon) }
            guard case .aborted = writing, case .aborted = reading else {
                Issue.record("\(String(describing: writing)), \(String(describing: reading))")
                return
            }
            await link.close(lingering: .zero)
        }
    }

    @Test func `64 MiB travel both ways at once`() async throws {
        let message = pattern(64 << 20)
        try await onLoop {
            let (link, stream) = try await connectedYMQ()
            try link.send(message)
            let echoing = spawn { () async -> Bool in
                var left = 8 + message.count
                while left > 0, let bytes = try? await stream.read(upTo: 1 << 18, deadline: soon) {
                    guard !bytes.isEmpty, (try? await stream.write(bytes, deadline: soon)) != nil else {
                        return false
                    }
                    left -= bytes.count
                }
                return left == 0
            }
            let echo = try await link.receive(until: soon)
            #expect(await echoing.value)
            #expect(echo == message)
            await stream.finish(deadline: .now)
            await link.close(lingering: .seconds(5))
        }
    }

    @Test func `a peer that does not read fills the queue to its limit, and nothing is lost`() async throws {
        try await onLoop {
            let (link, stream) = try await connectedYMQ(limits: LinkLimits(sendQueueBytesMax: 1_000_000))
            var sent = 0
            var refusal: MessagingError?
            while refusal == nil {
                refusal = await outcome {
                    try link.send(littleEndian(sent) + [UInt8](repeating: 1, count: 9_992))
                }
                if refusal == nil { sent += 1 }
                // Let the writer fill the kernel's buffers.
                await yieldToOthers()
            }
            #expect(refusal == .sendQueueFull(byteCountMax: 1_000_000))
            #expect(
                await outcome { try await link.flush(until: .after(.milliseconds(1))) } == .deadlinePassed
            )
            for number in 0..<sent {
                let bytes = try await readExactly(stream, 8 + 10_000)
                #expect(Array(bytes[8..<16]) == littleEndian(number))
            }
            try await link.flush(until: soon)
            try link.send([1])
            #expect(try await readExactly(stream, 9) == frame([1]))
            stream.close()
            await link.close(lingering: .seconds(5))
        }
    }

    @Test func `a single message may exceed the queue's limit`() async throws {
        try await onLoop {
            let (link, stream) = try await connectedYMQ(limits: LinkLimits(sendQueueBytesMax: 1_000))
            let message = pattern(100_000)
            try link.send(message)
            #expect(try await readExactly(stream, 100_008) == frame(message))
            stream.close()
            await link.close(lingering: .seconds(5))
        }
    }

    @Test func `close delivers the queue, then a FIN, though input is left unread`() async throws {
        try await onLoop {
            let (link, stream) = try await connectedYMQ()
            try await stream.write(frame(pattern(1_000)), deadline: soon)
            let message = pattern(3_000_000)
            try link.send([message, [1]])
            let closing = spawn { await link.close(lingering: .seconds(20)) }
            let bytes = try await readToEnd(stream)
            #expect(bytes == frame(message) + frame([1]))
            #expect(await outcome { try link.send([1]) } == .closed)
            #expect(await outcome { _ = try await link.receive() } == .closed)
            stream.close()
            await closing.value
        }
    }

    @Test func `close ends a waiting receive, and a peer that does not answer cannot hold it up`()
        async throws
    {
        try await onLoop {
            let (link, stream) = try await connectedYMQ()
            let receiver = spawn { await outcome { _ = try await link.receive() } }
            await yieldToOthers()
            await link.close(lingering: .milliseconds(10))
            await link.close(lingering: .milliseconds(10))
            #expect(await receiver.value == .closed)
            stream.close()
        }
    }

    @Test func `a deadline or a cancellation in mid-message loses nothing`() async throws {
        try await onLoop {
            let (link, stream) = try await connectedYMQ()
            let message = frame([1, 2, 3])
            for byte in message.dropLast() {
                try await stream.write([byte], deadline: soon)
                let end = await outcome { _ = try await link.receive(until: .after(.milliseconds(1))) }
                #expect(end == .deadlinePassed)
            }
            let cancelled = spawn { await outcome { _ = try await link.receive() } }
            await yieldToOthers()
            cancelled.cancel()
            #expect(await cancelled.value == .cancelled)
            try await stream.write([3], deadline: soon)
            try await expectNext(link, [1, 2, 3])
            stream.close()
            await link.close(lingering: .seconds(5))
        }
    }

    @Test func `a message can be sent and received in parts, next to whole ones`() async throws {
        try await onLoop {
            let (link, stream) = try await connectedYMQ()
            try link.send([[1], [2]])
            try link.beginMessage(byteCount: 300_000)
            for number in 0..<3 {
                try link.sendPart([UInt8](repeating: UInt8(number), count: 100_000))
                try await link.flush(until: soon)
            }
            try link.send([3])
            let body = (0..<3).flatMap { [UInt8](repeating: UInt8($0), count: 100_000) }
            let expected = frame([1]) + frame([2]) + frame(body) + frame([3])
            let bytes = try await readExactly(stream, expected.count)
            #expect(bytes == expected)
            let echoing = spawn { try? await stream.write(bytes, deadline: soon) }
            try await expectNext(link, [1])
            try await expectNext(link, [2])
            #expect(try await link.nextByteCount(until: soon) == 300_000)
            var received: [UInt8] = []
            while let part = try await link.nextPart(until: soon) { received += part }
            #expect(received == body)
            try await expectNext(link, [3])
            _ = await echoing.value
            stream.close()
            await link.close(lingering: .seconds(5))
        }
    }

    @Test func `a message over the limit ends the connection with a typed error`() async throws {
        try await onLoop {
            let (link, stream) = try await connectedYMQ(limits: LinkLimits(messageBytesMax: 100))
            try await stream.write(frame([1]) + YMQFraming.header(byteCount: 101), deadline: soon)
            try await expectNext(link, [1])
            let tooLong = MessagingError.messageTooLong(announced: 101, byteCountMax: 100)
            #expect(await outcome { _ = try await link.receive(until: soon) } == tooLong)
            #expect(await outcome { try link.send([1]) } == tooLong)
            stream.close()
            await link.close(lingering: .seconds(5))
        }
    }

    @Test func `a receiver of many small messages lets others run every 64`() async throws {
        try await onLoop {
            let (link, stream) = try await connectedYMQ()
            let sending = spawn {
                try? await stream.write([UInt8](repeating: 0, count: 8 * 50_000), deadline: soon)
            }
            let turns = Counter()
            let other = spawn {
                while !isCancelled {
                    turns.count += 1
                    await yieldToOthers()
                }
            }
            for _ in 0..<50_000 { _ = try await link.receive(until: soon) }
            #expect(turns.count >= 50_000 / 64)
            other.cancel()
            _ = await sending.value
            stream.close()
            await link.close(lingering: .seconds(5))
        }
    }
}
