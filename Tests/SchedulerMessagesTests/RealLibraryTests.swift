// SPDX-License-Identifier: Apache-2.0

import Foundation
import SchedulerPeer
import TestSupport
import Testing
import Transport

@testable import SchedulerMessages

private let interpreter = ProcessInfo.processInfo.environment["SCALER_TEST_PYTHON"]

/// Our encodings, read by the library that schedulers run.
@Suite(
    .enabled(
        if: interpreter != nil,
        "set SCALER_TEST_PYTHON to a Python interpreter that has opengris-scaler 2.9.0"
    )
)
struct RealLibraryTests {
    @Test
    func `the real library reads in our messages what we have put there`() throws {
        let bodies = try bodiesOfVectors() + largeBodies()
        let descriptions = try describe(bodies.map { $0.encoded(for: .second) })
        #expect(descriptions.count == bodies.count)
        for (body, description) in zip(bodies, descriptions) {
            #expect(body.fields.restricted(to: description).difference(from: description) == nil)
        }
    }

    @Test
    func `the real library takes a goodbye that names its worker`() throws {
        let goodbye = WorkerDisconnect(worker: Array("Worker|x".utf8))
        let descriptions = try describe([goodbye.encoded(for: .second)])
        #expect(descriptions == [.object(["_": "WorkerDisconnectNotification"])])
    }

    /// The bodies of all vectors of which 2.9.0 knows the type.
    private func bodiesOfVectors() throws -> [any MessageBody & Described] {
        try EnvelopeTests.messages
            .filter { !($0.fields["_"].text ?? "").hasPrefix("Disconnect") }
            .compactMap { try DecodedMessage($0).body }
    }

    /// Bodies that the library itself would cut into several segments, as we do not.
    private func largeBodies() throws -> [any MessageBody & Described] {
        let objectIDs = (0..<5000).map { number in
            ObjectID(
                owner: ClientID(Array("Client|x".utf8)),
                tag: ObjectTag(high: 0, low: number),
                md5: DigestAlgorithm.md5.digest
            )
        }
        let task = TaskMessage(
            taskID: TaskID([UInt8](0..<16)),
            source: ClientID(Array("Client|\u{fc}".utf8)),
            metadata: TaskFlags(profiling: false, priority: -7, streamOutput: true).encoded(),
            functionObjectID: objectIDs[0],
            arguments: objectIDs.map { .object($0) },
            capabilities: (0..<500).map { Capability(name: "c\($0)\u{1F600}", value: $0) }
        )
        let log = TaskLog(
            taskID: TaskID([UInt8](0..<16)),
            stream: .standardError,
            content: String(repeating: "\u{4e2d} line\n", count: 100_000)
        )
        return [task, log, ObjectInstruction(deleted: objectIDs)]
    }

    private func describe(_ messages: [[UInt8]]) throws -> [JSONValue] {
        // This file is Tests/SchedulerMessagesTests/RealLibraryTests.swift.
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let (input, output) = (Pipe(), Pipe())
        let process = Process()
        process.executableURL = URL(filePath: try #require(interpreter))
        process.arguments = [root.appending(path: "Tools/describe_messages.py").path()]
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        // The script reads to the end before it writes, so neither side can wait for the other.
        try input.fileHandleForWriting.write(
            contentsOf: Data(messages.map(\.hexadecimal).joined(separator: "\n").utf8)
        )
        try input.fileHandleForWriting.close()
        let lines = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return try lines.split(separator: UInt8(ascii: "\n"))
            .map { try JSONDecoder().decode(JSONValue.self, from: $0) }
    }
}
