// SPDX-License-Identifier: Apache-2.0

import TaskPayload

/// Reads the input as what a container stored, whole and with a hole in the middle as large results are read, and stops
/// the process when an answer would take bytes from elsewhere than the result, or when the two readings disagree.
///
/// The first two bytes say where the hole is.
enum TaskOutcomeFuzz {
    static func feed(_ input: [UInt8]) {
        guard input.count >= 2 else { return }
        let stored = Array(input.dropFirst(2))
        let whole = Reading { () throws(TaskPayloadError) in try TaskOutcome.parse(stored) }
        if case .success(let outcome) = whole { check(outcome, stored) }
        let headCount = min(Int(input[0]), stored.count)
        let tailCount = min(Int(input[1]), stored.count)
        let holed = Reading { () throws(TaskPayloadError) in
            try TaskOutcome.parse(
                head: Array(stored.prefix(headCount)),
                tail: Array(stored.suffix(tailCount)),
                byteCount: stored.count
            )
        }
        // With a hole less may be understood, but nothing else; a profile may hold what does not equal itself.
        if case .success = holed { insist("\(holed)" == "\(whole)", "\(holed) is \(whole) without a hole") }
    }

    private typealias Reading = Result<TaskOutcome, TaskPayloadError>

    private static func check(_ outcome: TaskOutcome, _ stored: [UInt8]) {
        switch outcome {
        case .result(_, let output, let payload), .exception(_, let output, let payload):
            insist(output.upperBound <= payload.lowerBound, "output in the payload: \(outcome)")
            insist(payload.upperBound < stored.count, "\(outcome) of \(stored.count) bytes")
            insist(stored.prefix(output.lowerBound).count >= 21, "no room for mark and profile: \(outcome)")
            for piece in PrintedPiece.find(in: stored[output]) {
                insist(piece.text.utf8.count <= output.count, "\(piece) of \(output.count) bytes")
            }
        case .containerError(let error):
            insist(error.clientText.utf8.count < 64 * stored.count + 200, "a text out of nothing: \(error)")
        }
    }
}
