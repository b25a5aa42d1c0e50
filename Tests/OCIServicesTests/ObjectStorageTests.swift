// SPDX-License-Identifier: Apache-2.0

import EventLoop
import HTTPClient
import TestSupport
import Testing
import Transport

@testable import OCIServices

@Suite(needsLocalOCI) struct ObjectStorageTests {
    @Test func `only objects give way to other calls on the connections, large ones to all`() async throws {
        try await onLoop {
            func lane(
                _ operation: OCIServices.Operation,
                _ body: ServiceRequest.Body = .none
            ) -> ConnectionLane {
                ServiceRequest(operation, ["x"], scope: "s", body: body).connectionLane
            }
            #expect(lane(.putObject, .object(Blob([UInt8](repeating: 1, count: 2 << 20)))) == .bulk)
            #expect(lane(.putObject, .object(Blob([1]))) == .transfer)
            #expect(lane(.getObject) == .transfer)
            #expect(lane(.listObjects) == .control && lane(.batchDeleteObjects, .empty) == .control)
            #expect(lane(.createContainerInstance, .empty) == .control)
        }
    }

    @Test func `objects are put, read, listed and deleted`() async throws {
        try await onLoop {
            let services = try await Services.start()
            let objects = services.objects
            #expect(
                try await ObjectStorage.namespaceAndTime(calls: services.calls, deadline: soon).namespace
                    == "emulatedns"
            )
            try await oneObject(objects)
            try await manyObjects(objects)
            try await largeObject(objects)
            #expect(services.takeNotices().isEmpty)
            #expect(services.calls.counts.retryCount == 0)
            try await services.stop()
        }
    }
}

/// Put, get and delete of one object under a name that needs care.
@LoopActor
private func oneObject(_ objects: ObjectStorage) async throws {
    let name = "a/b c/é~+#?%&=x.pkl"
    let body = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 * 31) }
    #expect(try await objects.get(name, limit: 1 << 20, deadline: soon) == nil)
    try await objects.put(name, Blob(body), deadline: soon)
    #expect(try await objects.get(name, limit: 1 << 20, deadline: soon) == body)
    await #expect(throws: OCIError.self) { try await objects.get(name, limit: 99_999, deadline: soon) }
    #expect(try await objects.delete(name, deadline: soon) == .accepted)
    #expect(try await objects.delete(name, deadline: soon) == .alreadyGone)
    try await objects.put("empty", Blob([]), deadline: soon)
    #expect(try await objects.get("empty", limit: 0, deadline: soon) == [])
    #expect(try await objects.delete("empty", deadline: soon) == .accepted)
}

/// An object that passes through temporary files on both ways.
@LoopActor
private func largeObject(_ objects: ObjectStorage) async throws {
    let body = patternBytes(9 << 20)
    let file = try SpoolFile()
    try file.append(body[...])
    try await objects.put("large", Blob(file), deadline: soon)
    let kept = try await objects.get("large", spoolAbove: 1 << 20, limit: 16 << 20, deadline: soon)
    let spooled = try #require(kept)
    #expect(spooled.memoryByteCount == 0, "not spooled")
    #expect(try spooled.bytes(at: 0, upTo: 16 << 20) == body)
    let inMemory = try await objects.get("large", spoolAbove: 16 << 20, limit: 16 << 20, deadline: soon)
    #expect(inMemory?.bytesInMemory == body)
    let absent = try await objects.get("absent", spoolAbove: 1, limit: 1, deadline: soon)
    #expect(absent == nil)
    // A part of a file is stored like a whole one.
    try await objects.put("large", Blob(file).part(1000..<(2 << 20)), deadline: soon)
    #expect(try await objects.get("large", limit: 4 << 20, deadline: soon) == Array(body[1000..<(2 << 20)]))
    _ = try await objects.delete("large", deadline: soon)
}

/// Paged listing, and batch deletes of what is there and what is not.
@LoopActor
private func manyObjects(_ objects: ObjectStorage) async throws {
    let names = (0..<25).map { "many/\($0 + 100)" }
    let puts = names.map { name in
        spawn { try? await objects.put(name, Blob(Array(name.utf8)), deadline: soon) }
    }
    for put in puts { #expect(await put.value != nil) }
    try await objects.put("other/1", Blob([1]), deadline: soon)
    var listed: [ObjectSummary] = []
    var start: String?
    repeat {
        let page = try await objects.list(
            prefix: "many/",
            start: start,
            limit: 10,
            fields: [.size, .timeCreated],
            deadline: soon
        )
        listed += page.objects
        start = page.nextStart
    } while start != nil
    #expect(listed.map(\.name) == names)
    #expect(listed.allSatisfy { $0.byteCount == 8 && $0.timeCreated != nil })
    let left = try await objects.deleteBatch(names + ["many/absent"], deadline: soon)
    #expect(left == [])
    #expect(try await objects.list(prefix: "many/", deadline: soon).objects == [])
    #expect(try await objects.list(prefix: "other/", deadline: soon).objects.map(\.name) == ["other/1"])
}
