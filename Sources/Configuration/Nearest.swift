// SPDX-License-Identifier: Apache-2.0

/// The candidate that a mistyped word most likely meant, or nil when none is close.
///
/// Close is at most a third of the word's length in edits (insert, delete, replace, swap neighbours), or one
/// being the beginning of the other.
func nearest(to word: String, among candidates: [String]) -> String? {
    // The table below has rows x columns cells; a word from outside may be of any length, a name is short.
    guard word.utf8.count <= 64 else { return nil }
    let scored = candidates.map { (name: $0, distance: editDistance(Array(word.utf8), Array($0.utf8))) }
    guard let best = scored.min(by: { $0.distance < $1.distance }) else { return nil }
    if best.distance <= max(1, word.utf8.count / 3) { return best.name }
    return word.utf8.count < 3 ? nil : candidates.first { $0.hasPrefix(word) || word.hasPrefix($0) }
}

/// Optimal string alignment distance, by rows.
private func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var beforePrevious: [Int] = []
    var previous = Array(0...right.count)
    for (i, a) in left.enumerated() {
        var row = [i + 1]
        for (j, b) in right.enumerated() {
            var cost = min(previous[j] + (a == b ? 0 : 1), previous[j + 1] + 1, row[j] + 1)
            if i > 0, j > 0, a == right[j - 1], left[i - 1] == b {
                cost = min(cost, beforePrevious[j - 1] + 1)
            }
            row.append(cost)
        }
        beforePrevious = previous
        previous = row
    }
    return previous[right.count]
}
