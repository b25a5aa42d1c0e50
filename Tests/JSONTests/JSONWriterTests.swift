// SPDX-License-Identifier: Apache-2.0

import JSON
import TestSupport
import Testing

@Suite struct JSONWriterTests {
    @Test func `a value is written in its shortest form`() {
        let value = JSON.object(present: [
            ("name", .string("a\"b\\c\n\u{1F}é")),
            ("absent", nil),
            ("ocpus", .real(1)),
            ("seconds", .integer(-3)),
            ("flags", .array([.bool(true), .bool(false), .null])),
            ("tags", .strings([("k", "v"), ("l", "")])),
            ("empty", .array([])),
        ])
        let text =
            #"{"name":"a\"b\\c\u000a\u001fé","ocpus":1.0,"seconds":-3,"flags":[true,false,null],"#
            + #""tags":{"k":"v","l":""},"empty":[]}"#
        #expect(String(decoding: value.encoded(), as: UTF8.self) == text)
    }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func `what is written reads back as it was`(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let value = randomValue(depth: 4, &random)
        #expect(try JSON.read(value.encoded()) == value, "seed \(seed)")
    }
}

private func randomValue(depth: Int, _ random: inout SeededRandom) -> JSON {
    switch Int.random(in: 0..<(depth > 0 ? 7 : 5), using: &random) {
    case 0: return .null
    case 1: return .bool(.random(using: &random))
    case 2: return .integer(.random(in: .min ... .max, using: &random))
    case 3: return .real(Double.random(in: -1e9...1e9, using: &random) + 0.5)
    case 4: return .string(randomText(&random))
    case 5:
        let count = Int.random(in: 0...4, using: &random)
        return .array((0..<count).map { _ in randomValue(depth: depth - 1, &random) })
    default:
        let count = Int.random(in: 0...4, using: &random)
        return .object(
            (0..<count).map { _ in .init(randomText(&random), randomValue(depth: depth - 1, &random)) }
        )
    }
}

private func randomText(_ random: inout SeededRandom) -> String {
    let scalars: [Unicode.Scalar] = ["a", "\"", "\\", "\n", "\0", "\u{1F}", "\u{7F}", "é", "\u{2028}", "😀"]
    var text = ""
    for _ in 0..<Int.random(in: 0...8, using: &random) {
        text.unicodeScalars.append(scalars[Int.random(in: scalars.indices, using: &random)])
    }
    return text
}
