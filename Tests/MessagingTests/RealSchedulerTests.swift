// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Messaging
import TestSupport
import Testing

/// Against the stock programs of opengris-scaler.
@Suite(.enabled(if: RealScaler.isInstalled, Comment(rawValue: RealScaler.hint)), .timeLimit(.minutes(2)))
struct RealSchedulerTests {
    @Test func `an object set through one message pair comes back through a get, of 0, 5 and 20 MB`()
        async throws
    {
        try await onLoop {
            let server = try await RealScaler.startObjectStorage()
            let link = try await YMQConnection.connect(
                to: server.endpoint,
                over: SocketNetwork(),
                identity: Array("test-1".utf8),
                deadline: soon
            )
            #expect(String(decoding: link.peerIdentity, as: UTF8.self) == "ObjectStorageServer")
            for (number, byteCount) in [0, 5, 20_000_000].enumerated() {
                let object = pattern(byteCount)
                let request = UInt8(number)
                try link.send([storageHeader(.set, request, object: request, UInt64(byteCount)), object])
                try await expectNext(link, storageHeader(.set, request, object: request, 0))
                try link.send(storageHeader(.get, request, object: request, .max))
                try await expectNext(link, storageHeader(.get, request, object: request, UInt64(byteCount)))
                // An empty object has no second message.
                if byteCount > 0 { #expect(try await link.receive(until: soon) == object) }
            }
            await link.close(lingering: .seconds(5))
            await server.stop()
        }
    }

    @Test func `a killed object storage server ends the link, and a new one is served under a new identity`()
        async throws
    {
        try await onLoop {
            let server = try await RealScaler.startObjectStorage()
            let link = try await YMQConnection.connect(
                to: server.endpoint,
                over: SocketNetwork(),
                identity: Array("test-1".utf8),
                deadline: soon
            )
            // An answer proves that our hello was read: nothing unread makes an RST of the kernel's FIN.
            try link.send(storageHeader(.delete, 1, object: 1, 0))
            _ = try await link.receive(until: soon)
            await server.crash()
            #expect(await outcome { _ = try await link.receive(until: soon) } == .closedByPeer)
            await link.close(lingering: .zero)
            let next = try await RealScaler.startObjectStorage(port: server.port)
            let again = try await YMQConnection.connect(
                to: next.endpoint,
                over: SocketNetwork(),
                identity: Array("test-2".utf8),
                deadline: soon
            )
            try again.send(storageHeader(.delete, 2, object: 1, 0))
            #expect(try await again.receive(until: soon).count == 80)
            await again.close(lingering: .seconds(5))
            await next.stop()
        }
    }

    @Test(arguments: SchedulerBackend.allCases)
    func `a scheduler's wire is detected, and a heartbeat over it is echoed, also after a restart`(
        _ backend: SchedulerBackend
    ) async throws {
        try await onLoop {
            let scheduler = try await RealScheduler(backend)
            var link = try await connect(to: scheduler, identity: "1|test|0")
            #expect((link.version == nil) == (backend == .zmq))
            #expect(
                try await detectPeer(
                    at: scheduler.objectStorage.endpoint,
                    over: SocketNetwork(),
                    deadline: soon
                ) != .zmtp
            )
            try await expectEcho(link)
            try await scheduler.restart()
            let end = await outcome { while true { _ = try await link.receive(until: soon) } }
            if case .aborted = end {} else { #expect(end == .closedByPeer && backend == .ymq) }
            await link.close(lingering: .zero)
            link = try await connect(to: scheduler, identity: backend == .ymq ? "1|test|1" : "1|test|0")
            try await expectEcho(link)
            await link.close(lingering: .seconds(5))
            await scheduler.stop()
        }
    }
}

extension ServerProcess {
    /// Where it listens, in Messaging's words.
    fileprivate var endpoint: Endpoint {
        .tcp(host: "127.0.0.1", port: port)
    }
}

/// Connects over the wire that the scheduler is found to speak.
@LoopActor
private func connect(to scheduler: RealScheduler, identity: String) async throws -> any MessageLink {
    try await connectLink(
        to: scheduler.process.endpoint,
        over: SocketNetwork(),
        identity: Array(identity.utf8),
        limits: LinkLimits(),
        deadline: soon
    )
}

/// Sends manager heartbeats of both generations until the scheduler answers one.
///
/// The tag is 23 from 2.7.0 on and 25 before, and each is nothing but a line in the log of the other; what
/// a dying scheduler took is not resent, hence the repetition.
@LoopActor
private func expectEcho(_ link: any MessageLink) async throws {
    let patience = soon
    while !patience.isPast {
        for tag: UInt8 in [23, 25] { try link.send(managerHeartbeat(tag)) }
        let answer = try? await link.receive(until: .after(.seconds(1)))
        // The echo's tag follows its heartbeat's.
        if let answer, answer.count >= 24, [24, 26].contains(answer[16]) { return }
    }
    Issue.record("no heartbeat was echoed")
}

/// A WorkerManagerHeartbeat as the real library encodes it: 100 tasks, manager id "wm-oci-hpc".
private func managerHeartbeat(_ tag: UInt8) -> [UInt8] {
    [0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, tag, 0, 0, 0, 0, 0, 0, 0]
        + [0, 0, 0, 0, 1, 0, 2, 0, 0x64, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 7, 0, 0, 0]
        + [5, 0, 0, 0, 0x52, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0]
        + Array("wm-oci-hpc".utf8) + [0, 0, 0, 0, 0, 0]
}

enum StorageRequest: UInt8 {
    case set = 0
    case get = 1
    case delete = 2
}

/// A request or response header of the object storage protocol, by hand (message.capnp's 80-byte form).
func storageHeader(
    _ type: StorageRequest,
    _ requestID: UInt8,
    object: UInt8,
    _ payloadLength: UInt64
) -> [UInt8] {
    let zeros = [UInt8](repeating: 0, count: 7)
    return [0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 3, 0, 1, 0]
        + (0..<8).map { UInt8(truncatingIfNeeded: payloadLength >> (8 * $0)) }
        + [requestID] + zeros + [type.rawValue] + zeros + [0, 0, 0, 0, 4, 0, 0, 0]
        + [UInt8](repeating: object, count: 32)
}
