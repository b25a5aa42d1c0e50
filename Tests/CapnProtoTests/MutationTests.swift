// SPDX-License-Identifier: Apache-2.0

import CapnProto
import TestSupport
import Testing

/// Real messages with a few bytes changed: reading ends, with a value or an error, and nothing else happens.
@Suite
struct MutationTests {
    private static let seed = UInt64.random(in: 0 ... .max)
    private static let messages = Vector.all(in: "scaler-messages.json")
        .filter { !$0.bytes.isEmpty && $0.bytes.count <= 512 }

    @Test
    func `a mutated message reads or is refused`() throws {
        var random = SeededRandom(seed: Self.seed)
        let schema = Schema(for: "2.9.0")
        var outcomes = (read: 0, refused: 0)
        for _ in 0..<4000 {
            let vector = try #require(Self.messages.randomElement(using: &random))
            let bytes = vector.bytes.mutatedWords(using: &random)
            do {
                _ = try schema.read(bytes)
                outcomes.read += 1
            } catch is CapnProtoError {
                outcomes.refused += 1
            }
        }
        #expect(outcomes.read > 400 && outcomes.refused > 400, "seed \(Self.seed): \(outcomes)")
    }
}
