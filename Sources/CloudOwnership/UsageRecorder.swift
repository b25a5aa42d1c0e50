// SPDX-License-Identifier: Apache-2.0

package import OCIServices

/// Follows instances from the first sight of them to their end; pure.
///
/// An instance ends once: when it was seen to have stopped, else when its deletion was accepted, else when nothing shows it any
/// more. What is seen and is not the ledger's, as in a listing that shows how it was before, is forgotten without a record.
package struct UsageRecorder: Sendable {
    private struct Entry {
        var usage: InstanceUsage
        /// Whether the ledger knew it.
        var isKnown = false
        var isRecorded = false
    }

    private var entries: [String: Entry] = [:]
    private var ended: [InstanceUsage] = []

    /// Follows nothing yet.
    package init() {}

    /// The service told of an instance; `ledgerChanged` must follow.
    package mutating func seen(_ summary: ContainerInstance) {
        guard let usage = InstanceUsage(summary) else { return }
        if var entry = entries[usage.id] {
            if entry.usage.endedAt == nil { entry.usage.endedAt = usage.endedAt }
            entries[usage.id] = entry
        } else {
            entries[usage.id] = Entry(usage: usage)
        }
    }

    /// A create was answered with an instance, which the ledger knows from then on.
    package mutating func made(_ summary: ContainerInstance) {
        seen(summary)
        entries[summary.id]?.isKnown = true
    }

    /// The ledger took in what was seen, at this second since 1970: `isKnown` tells whether it has an instance.
    package mutating func ledgerChanged(at now: Int, isKnown: (String) -> Bool) {
        // In the order of their ids, so that the same events yield the same file.
        for id in entries.keys.sorted() {
            if isKnown(id) {
                entries[id]?.isKnown = true
            } else {
                if entries[id]?.isKnown == true { record(id, at: now) }
                entries[id] = nil
            }
        }
    }

    /// The service accepted at this second to delete an instance.
    package mutating func deletionAccepted(_ id: String, at now: Int) { record(id, at: now) }

    /// The records since the last call.
    package mutating func takeEnded() -> [InstanceUsage] {
        defer { ended = [] }
        return ended
    }

    private mutating func record(_ id: String, at now: Int) {
        guard var entry = entries[id], !entry.isRecorded else { return }
        entry.isRecorded = true
        entry.usage.endedAt = max(entry.usage.createdAt, entry.usage.endedAt ?? now)
        ended.append(entry.usage)
        entries[id] = entry
    }
}
