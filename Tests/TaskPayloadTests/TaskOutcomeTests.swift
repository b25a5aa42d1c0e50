// SPDX-License-Identifier: Apache-2.0

import TaskPayload
import TestSupport
import Testing

@testable import Encodings

private let profile = ProfileResult(durationSeconds: 1.5, memoryPeakBytes: 4096, cpuSeconds: 0.25)

private func outcomeBytes(_ kind: Character, _ payload: [UInt8]) -> [UInt8] {
    Array("SOH1\(kind)".utf8) + profile.bytes + payload
}

private func littleEndian(_ number: Int, _ width: Int) -> [UInt8] {
    (0..<width).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
}

/// The ways in which Python writes one `bytes`, from protocol 3 on; protocol 2 has none without calling code.
private func pickles(of bytes: [UInt8]) -> [(name: String, pickle: [UInt8])] {
    let short: [UInt8] = [0x43] + littleEndian(bytes.count, 1) + bytes
    let medium: [UInt8] = [0x42] + littleEndian(bytes.count, 4) + bytes
    let long: [UInt8] = [0x8E] + littleEndian(bytes.count, 8) + bytes
    let frame: [UInt8] = [0x95] + littleEndian(medium.count + 2, 8)
    return [
        ("protocol 3, short", [0x80, 3] + short + [0x71, 0, 0x2E]),
        ("protocol 3, numbered widely", [0x80, 3] + medium + [0x72, 0, 0, 0, 0, 0x2E]),
        ("protocol 4, framed", [0x80, 4] + frame + medium + [0x94, 0x2E]),
        ("protocol 5, too large for a frame", [0x80, 5] + medium + [0x94, 0x2E]),
        ("protocol 5, end in a frame", [0x80, 5] + long + [0x95, 2, 0, 0, 0, 0, 0, 0, 0, 0x94, 0x2E]),
        ("protocol 5, nothing kept", [0x80, 5] + long + [0x2E]),
        ("kept and recalled", [0x80, 5] + short + [0x94, 0x68, 0, 0x2E]),
    ]
}

@Suite struct TaskOutcomeTests {
    @Test func `a result is found in every way Python writes bytes`() throws {
        let payload = Array("payload".utf8)
        for (name, pickle) in pickles(of: outcomeBytes("R", payload)).dropLast() {
            guard case .result(let found, _, let range) = try TaskOutcome.parse(pickle) else {
                Issue.record("not a result: \(name)")
                continue
            }
            #expect(found == profile, "\(name)")
            #expect(Array(pickle[range]) == payload, "\(name)")
        }
    }

    @Test func `an exception is told from a result`() throws {
        for (_, pickle) in pickles(of: outcomeBytes("E", [])).dropLast() {
            guard case .exception(profile, _, let range) = try TaskOutcome.parse(pickle) else {
                Issue.record("not an exception")
                continue
            }
            #expect(range.isEmpty)
        }
    }

    @Test func `two values are not one outcome`() {
        let twice = pickles(of: outcomeBytes("R", []))[6].pickle
        #expect(throws: TaskPayloadError.unreadable(offset: twice.count - 1)) { try TaskOutcome.parse(twice) }
    }

    @Test func `a large result needs only its two ends in memory`() throws {
        let whole = pickles(of: outcomeBytes("R", [UInt8](repeating: 7, count: 300_000)))
        for (name, pickle) in whole.dropFirst().dropLast() {
            let parts = try TaskOutcome.parse(
                head: Array(pickle.prefix(41)),
                tail: Array(pickle.suffix(TaskOutcome.tailBytesMax)),
                byteCount: pickle.count
            )
            #expect(try parts == TaskOutcome.parse(pickle), "\(name)")
        }
    }

    @Test func `a value larger than any array is only a range`() throws {
        let head = [0x80, 5, 0x8E] + littleEndian(1 << 40, 8) + outcomeBytes("R", [1])
        let outcome = try TaskOutcome.parse(head: head, tail: [0x94, 0x2E], byteCount: (1 << 40) + 13)
        #expect(outcome == .result(profile: profile, output: 32..<32, payload: 32..<((1 << 40) + 11)))
    }

    @Test(arguments: ["r", "e"] as [Character])
    func `what the task printed lies between head and payload`(kind: Character) throws {
        let pickle = pickles(of: outcomeBytes(kind, [0, 0, 0, 2, 7, 8, 9]))[3].pickle
        switch try TaskOutcome.parse(pickle) {
        case .result(_, let output, let payload), .exception(_, let output, let payload):
            #expect(pickle[output] == [7, 8])
            #expect(pickle[payload] == [9])
        case .containerError: Issue.record("not an outcome of the task")
        }
    }

    @Test(arguments: [[], [0, 0, 1], [0, 0, 0, 2, 7], [0xFF, 0xFF, 0xFF, 0xFF]] as [[UInt8]])
    func `output longer than the value that holds it is a typed error`(rest: [UInt8]) {
        let pickle = pickles(of: outcomeBytes("r", rest))[3].pickle
        #expect(throws: TaskPayloadError.notAnOutcome("bytes without the output they promise")) {
            try TaskOutcome.parse(pickle)
        }
    }

    @Test func `a result cut at any byte is truncated`() {
        for (name, pickle) in pickles(of: outcomeBytes("R", Array("payload".utf8))) {
            for count in 0..<pickle.count {
                #expect(throws: TaskPayloadError.self, "\(name) at \(count)") {
                    try TaskOutcome.parse(Array(pickle.prefix(count)))
                }
            }
        }
    }

    @Test func `bytes after the end are an error`() {
        let pickle = pickles(of: outcomeBytes("R", []))[3].pickle + [0]
        #expect(throws: TaskPayloadError.trailingBytes) { try TaskOutcome.parse(pickle) }
    }

    @Test func `bytes that the trampoline did not make are no outcome`() {
        let values: [[UInt8]] = [
            [], Array("SOH1".utf8), Array(outcomeBytes("R", []).dropLast()), outcomeBytes("X", [1]),
            Array(outcomeBytes("R", [1]).dropFirst()),
        ]
        for value in values {
            let pickle = pickles(of: value)[3].pickle
            #expect(throws: TaskPayloadError.self) { try TaskOutcome.parse(pickle) }
        }
    }

    @Test(arguments: PickleVector.named("result/", "failure"))
    func `what a task of another payload returned is a typed error`(vector: PickleVector) throws {
        #expect(throws: TaskPayloadError.self) { try TaskOutcome.parse(vector.bytes) }
    }

    @Test(arguments: [("none", "None"), ("true", "a bool"), ("minus1", "an int"), ("unicode", "a str")])
    func `plain data that is no outcome is named`(result: String, name: String) throws {
        for vector in PickleVector.named("result/\(result)/") {
            #expect(throws: TaskPayloadError.notAnOutcome(name)) { try TaskOutcome.parse(vector.bytes) }
        }
    }

    @Test func `depth, width and repetition are bounded`() {
        let dicts = [0x80, 4] + [UInt8](repeating: 0x7D, count: 500_000)
        #expect(throws: TaskPayloadError.overLimit) { try TaskOutcome.parse(dicts) }
        let memos = [0x80, 4, 0x4E] + [UInt8](repeating: 0x94, count: 500_000)
        #expect(throws: TaskPayloadError.overLimit) { try TaskOutcome.parse(memos) }
        let pair: [UInt8] = [0x8C, 1, 0x61, 0x4E, 0x73]
        let pairs = [0x80, 4, 0x7D] + Array(repeatElement(pair, count: 100_000).joined())
        #expect(throws: TaskPayloadError.self) { try TaskOutcome.parse(pairs) }
        let nested: [UInt8] = [0x80, 4, 0x7D, 0x8C, 1, 0x61, 0x7D, 0x73, 0x2E]
        #expect(throws: TaskPayloadError.unreadable(offset: 7)) { try TaskOutcome.parse(nested) }
    }

    @Test func `random damage never does more than throw`() throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        print("TaskOutcomeTests: seed \(seed)")
        var samples = try PickleVector.named("error-dict/", "error-dict-lookalike/", "result/").map {
            try $0.bytes
        }
        .filter { $0.count < 1000 }
        samples += pickles(of: outcomeBytes("R", [1, 2, 3])).map(\.pickle)
        samples += pickles(of: outcomeBytes("r", [0, 0, 0, 1, 5, 6])).map(\.pickle)
        var readable = 0
        for _ in 0..<20_000 {
            var bytes = samples[Int.random(in: samples.indices, using: &random)]
            for _ in 0..<Int.random(in: 0...3, using: &random) {
                let index = Int.random(in: bytes.indices, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[index] = .random(in: 0...255, using: &random)
                case 1: bytes.insert(.random(in: 0...255, using: &random), at: index)
                default: if bytes.count > 1 { bytes.remove(at: index) }
                }
            }
            if (try? TaskOutcome.parse(bytes)) != nil { readable += 1 }
        }
        // Some samples stay as they were, so that the loop is known to reach the end of the reader.
        #expect(readable > 1000)
    }
}
