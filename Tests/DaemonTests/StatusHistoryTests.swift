// SPDX-License-Identifier: Apache-2.0

import JSON
import TaskEngine
import TestSupport
import Testing

@testable import Daemon

@Suite struct StatusHistoryTests {
    private func document(_ history: StatusHistory, at seconds: Int) throws -> JSONObject {
        try JSONObject(reading: history.json(at: .seconds(seconds), 1_800_000_000 + seconds).encoded())
    }

    private func numbers(_ document: JSONObject, _ name: String) throws -> [JSON] {
        guard case .array(let numbers)? = try #require(try document.objectIfPresent("series"))[name] else {
            return []
        }
        return numbers
    }

    @Test func `without a sample there are no numbers`() throws {
        let document = try document(StatusHistory(), at: 7)
        #expect(document["schema"] == .integer(1) && document["interval_seconds"] == .integer(10))
        #expect(try numbers(document, "managers") == [])
    }

    @Test func `the managers are added up, and a span that has no sample is null`() throws {
        var history = StatusHistory()
        #expect(history.isDue(at: .seconds(21)))
        history.add(
            [
                exampleMetrics("a", [.running: 3, .queued: 7]),
                exampleMetrics("b", [.running: 1], isRegistered: false),
            ],
            at: .seconds(21)
        )
        #expect(!history.isDue(at: .seconds(29)) && history.isDue(at: .seconds(30)))
        history.add([exampleMetrics("a", withoutRoom: 2)], at: .seconds(40))
        let document = try document(history, at: 45)
        #expect(try numbers(document, "task_counts.running") == [.integer(4), .null, .integer(0)])
        #expect(try numbers(document, "task_counts.queued") == [.integer(7), .null, .integer(0)])
        #expect(try numbers(document, "waiting.for_room") == [.integer(0), .null, .integer(2)])
        #expect(try numbers(document, "managers") == [.integer(2), .null, .integer(1)])
        #expect(try numbers(document, "registered") == [.integer(1), .null, .integer(1)])
        #expect(try numbers(document, "slots.limit") == [.integer(20), .null, .integer(10)])
        // The newest span began 40 s after the start.
        #expect(document["time"] == .integer(1_800_000_040))
    }

    @Test func `an hour is kept in the memory of the start, and its document is small`() throws {
        var history = StatusHistory()
        for number in 0..<1000 where number != 900 {
            history.add([exampleMetrics("a", [.running: number])], at: .seconds(10 * number))
        }
        let document = try document(history, at: 9999)
        let running = try numbers(document, "task_counts.running")
        #expect(running.count == StatusHistory.sampleCountMax)
        #expect(running.first == .integer(640) && running.last == .integer(999))
        #expect(running[900 - 640] == .null && running[901 - 640] == .integer(901))
        #expect(history.byteCount < 200_000)
        #expect(history.text(at: .seconds(9999), 0).utf8.count < 200_000)
    }

    @Test func `each series has its number in the status document`() async throws {
        var history = StatusHistory()
        history.add([exampleMetrics("a")], at: .zero)
        guard case .object(let series)? = try document(history, at: 0)["series"] else {
            Issue.record("no series")
            return
        }
        let manager = try await onLoop {
            try JSONObject(reading: StatusDocument.json(exampleStatus("a")).encoded())
        }
        for name in series.map(\.name) where name != "managers" {
            let parts = name.split(separator: ".").map(String.init)
            let holder = parts.count == 2 ? try #require(try manager.objectIfPresent(parts[0])) : manager
            #expect(holder[parts.last ?? ""] != nil, "\(name)")
        }
    }
}
