// SPDX-License-Identifier: Apache-2.0

import CapnProto
import SchedulerPeer
import TestSupport
import Testing

@testable import SchedulerMessages

@Suite
struct EnvelopeTests {
    static let vectors = Vector.all(in: "scaler-messages.json")
    /// Between the scheduler and others than us.
    static let foreignTypes = [
        "GraphTask", "ClientHeartbeat", "ClientHeartbeatEcho", "ProcessorInitialized", "InformationRequest",
        "ClientShutdownResponse",
    ]
    static let messages = vectors.filter { vector in
        vector.kind == "message" && !foreignTypes.contains(vector.fields["_"].text ?? "")
    }
    static let foreign = vectors.filter { vector in
        vector.kind == "message" && foreignTypes.contains(vector.fields["_"].text ?? "")
    }

    static func generation(of vector: Vector) -> WireGeneration {
        vector.version == "2.6.0" ? .first : .second
    }

    @Test(arguments: messages)
    func `every message of the real library decodes to its fields`(vector: Vector) throws {
        let body = try #require(try DecodedMessage(vector).body)
        #expect(body.fields.restricted(to: vector.fields).difference(from: vector.fields) == nil)
    }

    @Test(arguments: messages)
    func `what we encode decodes to the same and has the library's tag`(vector: Vector) throws {
        let body = try #require(try DecodedMessage(vector).body)
        let bytes = body.encoded(for: Self.generation(of: vector))
        let again = Vector(
            name: vector.name,
            version: vector.version,
            kind: vector.kind,
            entry: vector.entry,
            bytes: bytes
        )
        #expect(try DecodedMessage(again).body?.fields.difference(from: body.fields) == nil)
        let segments = UInt16(littleEndian: bytes, at: 0)
        #expect(segments == 0)
        if let tag = vector.entry["tag"].integer {
            #expect(Int128(UInt16(littleEndian: bytes, at: 16)) == tag)
        }
    }

    /// Not asked for by any reader, but the strictest thing that can be said about an encoder.
    @Test(arguments: [
        "task/empty-lists", "task/one-arg", "task/two-args-caps", "task/no-args@2.6.0",
        "task-cancel/force-true@2.9.0",
        "task-cancel-confirm/canceled", "task-result/success", "task-result/profile@2.9.0",
        "task-log/stderr-7",
        "object-instruction/create-with-size", "worker-heartbeat-echo/tcp@2.9.0",
        "disconnect-response", "client-disconnect/shutdown@2.6.0", "client-disconnect/shutdown@2.9.0",
        "worker-manager-heartbeat/caps@2.6.0", "worker-manager-heartbeat/caps@2.9.0",
        "worker-manager-heartbeat-echo@2.6.0", "worker-manager-command/one@2.7.0",
    ])
    func `what the library writes in full, we write byte by byte alike`(name: String) throws {
        let vector = try #require(Self.vectors.first { $0.name == name })
        let body = try #require(try DecodedMessage(vector).body)
        #expect(body.encoded(for: Self.generation(of: vector)).hexadecimal == vector.bytes.hexadecimal)
    }

    @Test(arguments: foreign)
    func `messages between others are no errors`(vector: Vector) throws {
        let tag = UInt16(try #require(vector.entry["tag"].integer))
        // A worker's own processors send it this one, over another socket; it has a number that was the first
        // generation's ClientDisconnect, and a body that says nothing.
        let isFromProcessor = vector.fields["_"].text == "ProcessorInitialized" && tag == 20
        let expected: SchedulerMessage =
            isFromProcessor ? .clientDisconnect(ClientDisconnect(kind: .disconnect)) : .other(tag: tag)
        #expect(try SchedulerMessage.decode(vector.bytes, receiver: .worker) == expected)
        #expect(try SchedulerMessage.decode(vector.bytes, receiver: .manager) == .other(tag: tag))
    }

    @Test(arguments: SchedulerMessage.Receiver.allCases)
    func `an unknown tag is reported, not refused`(receiver: SchedulerMessage.Receiver) throws {
        let vector = try #require(Self.vectors.first { $0.name == "bad/unknown-tag" })
        #expect(try SchedulerMessage.decode(vector.bytes, receiver: receiver) == .other(tag: 999))
        #expect(try SchedulerBoundMessage.decode(vector.bytes) == .other(tag: 999))
    }

    @Test(arguments: [26, 27, 29] as [UInt16])
    func `what a later release adds is no message of the first generation's`(tag: UInt16) throws {
        var bytes = WorkerManagerCommand(requests: []).encoded(for: .second)
        bytes[16] = UInt8(tag)
        let known = try SchedulerMessage.decode(bytes, receiver: .manager, generation: .second)
        #expect(known == .other(tag: tag))
        let early = try SchedulerMessage.decode(bytes, receiver: .manager, generation: .first)
        #expect((early == .other(tag: tag)) == (tag > 27))
    }

    @Test(arguments: [WireGeneration?.none, .first, .second])
    func `word to shut down is told by its number, whatever its body has`(generation: WireGeneration?) throws
    {
        let empty = WorkerManagerDisconnect().encoded()
        let nullBody: [UInt8] = Array(empty.prefix(24)) + [UInt8](repeating: 0, count: 8)
        let otherBody: [UInt8] = WorkerManagerCommand(requests: []).encoded(for: .second)
        let bodies: [[UInt8]] = [empty, nullBody, otherBody]
        for body in bodies {
            let decode: (UInt8, SchedulerMessage.Receiver) throws -> SchedulerMessage = { tag, receiver in
                var message = body
                message[16] = tag
                return try SchedulerMessage.decode(message, receiver: receiver, generation: generation)
            }
            #expect(try decode(27, .worker) == .workerShutdown)
            #expect(try decode(28, .worker) == .other(tag: 28))
            let isKnown = generation != .first
            #expect(try decode(28, .manager) == (isKnown ? .workerManagerShutdown : .other(tag: 28)))
            #expect(try decode(27, .manager) != .workerShutdown)
        }
    }

    @Test func `draining is the bit behind the task lock, and changes nothing else`() {
        var heartbeat = WorkerHeartbeat()
        let before = heartbeat.encoded()
        heartbeat.isDraining = true
        let after = heartbeat.encoded()
        // Behind the segment's length, the root pointer, the number and the body's pointer.
        let byte = 32 + 161 / 8
        #expect(after[byte] == 1 << (161 % 8))
        #expect(zip(before, after).count { $0 != $1 } == 1)
    }

    @Test func `a manager's last message is a number and an empty body`() {
        #expect(SchedulerBoundMessage.tag(of: WorkerManagerDisconnect().encoded()) == 29)
    }

    @Test(arguments: [
        ("bad/empty", CapnProtoError.truncated), ("bad/7-bytes", .notWholeWords(byteCount: 7)),
        ("bad/segment-count-huge", .tooManySegments(1 << 32)), ("bad/truncated-root", .truncated),
        ("bad/pointer-out-of-bounds", .pointerOutOfBounds),
    ])
    func `bytes that are no message are refused`(name: String, error: CapnProtoError) throws {
        let vector = try #require(Self.vectors.first { $0.name == name })
        #expect(throws: SchedulerMessageError.encoding(error)) {
            try SchedulerMessage.decode(vector.bytes, receiver: .worker)
        }
    }

    @Test
    func `a null root is a task without anything, as the real library says`() throws {
        let vector = try #require(Self.vectors.first { $0.name == "bad/no-root" })
        let empty = TaskMessage(taskID: TaskID([]), source: ClientID([]), functionObjectID: nil)
        #expect(try SchedulerMessage.decode(vector.bytes, receiver: .worker) == .task(empty))
    }

    @Test
    func `no tag means two things to one receiver`() {
        let toManager: [any MessageBody] = [WorkerManagerHeartbeatEcho(), WorkerManagerCommand(requests: [])]
        let toWorker: [any MessageBody] = [
            TaskMessage(taskID: TaskID([]), source: ClientID([]), functionObjectID: nil),
            TaskCancel(taskID: TaskID([]), force: false), ObjectInstruction(deleted: []),
            WorkerHeartbeatEcho(objectStorageAddress: ObjectStorageAddress(host: "", port: 0, scheme: "")),
            ClientDisconnect(kind: .shutdown), DisconnectResponse(worker: []),
        ]
        let toScheduler: [any CommonMessageBody] = [
            TaskCancelConfirm(taskID: TaskID([]), outcome: .canceled), WorkerHeartbeat(),
            TaskLog(taskID: TaskID([]), stream: .standardOutput, content: ""),
        ]
        for body in (toManager + toWorker + toScheduler).compactMap({ $0 as? any CommonMessageBody }) {
            #expect(body.tag(in: .first) == body.tag(in: .second))
        }
        for bodies in [toManager, toWorker] {
            let tags = bodies.map { body in Set(WireGeneration.allCases.map { body.tag(in: $0) }) }
            #expect(tags.reduce(0) { $0 + $1.count } == tags.reduce(Set()) { $0.union($1) }.count)
        }
    }
}

extension UInt16 {
    fileprivate init(littleEndian bytes: [UInt8], at index: Int) {
        self = UInt16(bytes[index]) | UInt16(bytes[index + 1]) << 8
    }
}
