// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Glibc
import JSON
import OCIServices
import TestSupport
import Testing

@testable import CloudOwnership
@testable import OCIServices

/// What the service says of an instance that was made 100 s after 1970.
private func summary(
    _ id: String,
    _ state: String = "ACTIVE",
    updated: Int? = nil
) throws -> ContainerInstance {
    try ContainerInstance(
        JSONObject(
            .object(present: [
                ("id", .string(id)), ("lifecycleState", .string(state)), ("shape", .string("CI.A")),
                ("timeCreated", .string("1970-01-01T00:01:40Z")),
                ("timeUpdated", updated.map { .string("1970-01-01T00:0\($0 / 60):\($0 % 60)Z") }),
                ("shapeConfig", .object(present: [("ocpus", .real(2)), ("memoryInGBs", .integer(16))])),
                (
                    "freeformTags",
                    .strings([
                        ("scaler-owner", "o1"), ("scaler-worker-manager", "wm"), ("scaler-task", "00"),
                        ("team", "a"),
                    ])
                ),
            ])
        )
    )
}

@Suite struct UsageRecorderTests {
    @Test func `an instance is recorded once, when its deletion is accepted`() throws {
        var meter = UsageRecorder()
        meter.made(try summary("i"))
        meter.ledgerChanged(at: 150) { $0 == "i" }
        #expect(meter.takeEnded() == [])
        meter.deletionAccepted("i", at: 160)
        meter.deletionAccepted("i", at: 170)
        // A listing may show it still, and then no more.
        meter.seen(try summary("i"))
        meter.ledgerChanged(at: 180) { $0 == "i" }
        meter.ledgerChanged(at: 190) { _ in false }
        let ended = meter.takeEnded()
        #expect(ended.map(\.endedAt) == [160])
        let usage = try #require(ended.first)
        #expect((usage.shape, usage.ocpus, usage.memoryGB, usage.createdAt) == ("CI.A", 2, 16, 100))
        #expect((usage.managerID, usage.ownerID, usage.tags) == ("wm", "o1", ["team": "a"]))
        #expect(meter.takeEnded() == [])
    }

    @Test func `one that has stopped ended when it stopped`() throws {
        var meter = UsageRecorder()
        meter.seen(try summary("i"))
        meter.ledgerChanged(at: 150) { _ in true }
        meter.seen(try summary("i", "INACTIVE", updated: 130))
        meter.ledgerChanged(at: 160) { _ in true }
        meter.deletionAccepted("i", at: 200)
        #expect(meter.takeEnded().map(\.endedAt) == [130])
    }

    @Test func `one that somebody else deleted ended when nothing showed it any more`() throws {
        var meter = UsageRecorder()
        meter.seen(try summary("i"))
        meter.ledgerChanged(at: 150) { _ in true }
        meter.ledgerChanged(at: 175) { _ in false }
        #expect(meter.takeEnded().map(\.endedAt) == [175])
    }

    @Test func `what the ledger does not take in, as from a listing that lags, is no record`() throws {
        var meter = UsageRecorder()
        meter.seen(try summary("i"))
        meter.ledgerChanged(at: 150) { _ in false }
        meter.ledgerChanged(at: 175) { _ in false }
        meter.deletionAccepted("i", at: 180)
        #expect(meter.takeEnded() == [])
    }
}

@Suite struct InstanceUsageTests {
    @Test func `a line reads back as the record, and other lines as none`() throws {
        var usage = try #require(InstanceUsage(summary("i")))
        #expect(InstanceUsage(line: usage.line.dropLast()) == nil)
        usage.endedAt = 160
        #expect(usage.line.last == UInt8(ascii: "\n"))
        #expect(InstanceUsage(line: usage.line) == usage)
        for count in 0..<(usage.line.count - 1) {
            #expect(InstanceUsage(line: Array(usage.line.prefix(count))) == nil)
        }
        for text in [
            "{}", "[]", #"{"id": "i", "created": 5, "ended": 4}"#,
            #"{"id": "i", "created": 1, "ended": 9e18}"#,
        ] {
            #expect(InstanceUsage(line: Array(text.utf8)) == nil)
        }
    }

    @Test func `an instance whose size the service does not tell has none`() throws {
        let odd = JSON.object(present: [
            ("id", .string("i")), ("lifecycleState", .string("ACTIVE")), ("shapeConfig", .string("odd")),
            ("timeCreated", .string("1970-01-01T00:01:40Z")),
        ])
        let usage = try #require(InstanceUsage(ContainerInstance(JSONObject(odd))))
        #expect(usage.ocpus == nil && usage.memoryGB == nil)
    }
}

@Suite struct UsageLogTests {
    @Test func `records are written a little later, and at the end`() async throws {
        let directory = TemporaryFile([]).path + "-state"
        mkdir(directory, 0o700)
        let path = "\(directory)/\(UsageLog.fileName)"
        defer {
            unlink(path)
            rmdir(directory)
        }
        let made = try summary("i")
        try await onLoop {
            let log = RecordedLog()
            let usage = UsageLog(directory: directory, log: log.logger) { 160 }
            usage.made(made)
            usage.deletionAccepted("i")
            usage.write()
            usage.write()
            #expect(log.messages.isEmpty)
        }
        let file = try #require(fopen(path, "r"))
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = fread(&bytes, 1, bytes.count, file)
        #expect(InstanceUsage(line: Array(bytes.prefix(count)))?.endedAt == 160)
    }

    @Test func `what cannot be written is lost, and said once`() async throws {
        let made = try [summary("i"), summary("j")]
        try await onLoop {
            let log = RecordedLog()
            let usage = UsageLog(directory: "/nowhere/at/all", log: log.logger) { 160 }
            for one in made {
                usage.made(one)
                usage.deletionAccepted(one.id)
                usage.write()
            }
            #expect(
                log.messages == [
                    "warning cannot remember what instances used; their cost is lost, and nothing else"
                ]
            )
        }
    }
}
