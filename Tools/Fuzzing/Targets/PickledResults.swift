// SPDX-License-Identifier: Apache-2.0

@testable import TaskPayload

/// Reads the input as a pickle, and stops the process when what is found lies elsewhere than in the input, is more than the input
/// has, or changes when only its ends are in memory.
///
/// `TaskOutcome` reads the same with what must be in it; here any value is met. The first byte says how much is in memory.
enum PickledResultsFuzz {
    static func feed(_ input: [UInt8]) {
        guard let first = input.first else { return }
        let stored = Array(input.dropFirst())
        let whole = try? PickleReader.read(PickledBytes(head: stored, tail: [], byteCount: stored.count))
        if let whole { check(whole, stored.count, depthLeft: 1) }
        let count = min(Int(first), stored.count)
        let ends = PickledBytes(
            head: Array(stored.prefix(count)),
            tail: Array(stored.suffix(count)),
            byteCount: stored.count
        )
        if let value = try? PickleReader.read(ends) {
            insist(value == whole, "\(value) is \(whole as Any) as a whole")
        }
    }

    private static func check(_ value: PickleValue, _ byteCount: Int, depthLeft: Int) {
        switch value {
        case .none, .bool, .int: return
        case .text(let text):
            insist(text.utf8.count <= 3 * byteCount, "\(text.utf8.count) bytes of \(byteCount)")
        case .bytes(let range): insist(range.upperBound < byteCount, "\(range) of \(byteCount)")
        case .dict(let pairs):
            insist(depthLeft > 0, "a dictionary in a dictionary")
            insist(pairs.count < byteCount, "\(pairs.count) pairs of \(byteCount) bytes")
            for pair in pairs { check(pair.value, byteCount, depthLeft: 0) }
        }
    }
}
