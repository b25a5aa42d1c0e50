// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import Logging
internal import OCIServices
internal import Reporting

/// Deletes objects in batches, however long that takes; which to delete, and what an answer means, the ledger knows.
@LoopActor
final class ObjectDeleter {
    enum Outcome {
        /// The objects of these names are not there any more.
        case deleted([String])
        /// The service will not delete the object of this name; it is asked for again after a long pause.
        case refused(String)
    }

    private static let batchDelay: Duration = .milliseconds(500)
    /// How long a name is left alone that the service will not delete even alone.
    private let refusedNamePause: Duration

    private let objects: ObjectStorage
    private let warning: ThrottledWarning
    private var names: Set<String> = []
    /// The same in the order in which they came, with some that are withheld: no batch looks at those behind it.
    private let line = Mailbox<String>()
    /// What a batch could not delete, which goes before the line; the last of it is the first.
    private var returned: [String] = []
    private var refusedNames: Set<String> = []
    /// Names of the batch under way.
    private var batch: Set<String> = []
    private var batchCountMax = ObjectStorage.batchCountMax
    private let batchEnded = Broadcast()
    private let namesArrived = Wakeup()

    /// What came of deletions, in the order of the answers; the ledger's driver receives it.
    let outcomes = Mailbox<Outcome>()
    /// The last answer that says that we are not allowed to delete.
    private(set) var denial: OCIError?

    init(objects: ObjectStorage, refusedNamePause: Duration = .seconds(600), log: Logger) {
        self.objects = objects
        self.refusedNamePause = refusedNamePause
        warning = ThrottledWarning(
            "cannot delete objects; trying again",
            recovery: "objects can be deleted again",
            log: log
        )
    }

    /// Deletes objects, soon, together with others.
    func delete(_ names: [String]) {
        for name in names where self.names.insert(name).inserted { line.send(name) }
        if !names.isEmpty { namesArrived.ring() }
    }

    /// Does not delete these objects after all; returns when no deletion of one of them is under way.
    func withhold(_ kept: [String]) async {
        names.subtract(kept)
        refusedNames.subtract(kept)
        while !batch.isDisjoint(with: kept) {
            guard (try? await batchEnded.wait()) != nil else { return }
            // What the service did not delete waits again, or is left alone for a while.
            names.subtract(kept)
            refusedNames.subtract(kept)
        }
    }

    /// Deletes in batches until cancelled.
    func run() async {
        var backoff = Backoff(initial: .seconds(1), limit: .seconds(30))
        while !isCancelled {
            if names.isEmpty { guard (try? await namesArrived.wait()) != nil else { return } }
            guard (try? await sleep(for: Self.batchDelay)) != nil else { return }
            if await deleteBatch() {
                backoff.reset()
            } else {
                guard (try? await sleep(for: backoff.next { LoopRandom.number(in: 0.5..<1) })) != nil else {
                    return
                }
            }
        }
    }

    /// Deletes one batch; what the service refused stays for the next.
    ///
    /// Returns whether all of it was deleted.
    private func deleteBatch() async -> Bool {
        let names = takeNames()
        if names.isEmpty { return true }
        batch = Set(names)
        var remaining = names
        do throws(OCIError) {
            let failures = try await objects.deleteBatch(names, deadline: .after(.seconds(60)))
            remaining = failures.map(\.name)
            if let first = failures.first {
                warning.occurred(["error": "\(first)", "count": "\(remaining.count)"])
            }
            batchCountMax = min(batchCountMax * 2, ObjectStorage.batchCountMax)
            let kept = Set(remaining)
            outcomes.send(.deleted(names.filter { !kept.contains($0) }))
        } catch {
            if error.isDenial { denial = error }
            warning.occurred(error, ["count": "\(names.count)"])
            if error.kind == .badRequest { remaining = divide(names) }
        }
        returned += remaining.filter { self.names.insert($0).inserted }.reversed()
        batch = []
        batchEnded.send()
        if remaining.isEmpty { warning.ended() }
        return remaining.isEmpty
    }

    /// The next names to delete, in order.
    private func takeNames() -> [String] {
        var taken: [String] = []
        while taken.count < batchCountMax, let name = returned.popLast() ?? line.poll() {
            // One that was withheld may have come again, and be in the line twice.
            if names.remove(name) != nil { taken.append(name) }
        }
        return taken.sorted()
    }

    /// A batch that is refused as a whole is divided until the name is found that the service will not have.
    private func divide(_ names: [String]) -> [String] {
        batchCountMax = max(1, names.count / 2)
        guard let name = names.first, names.count == 1 else { return names }
        refusedNames.insert(name)
        outcomes.send(.refused(name))
        spawn {
            // Nobody cancels this, so it cannot throw.
            try? await sleep(for: self.refusedNamePause)
            // What is to be kept meanwhile is not there any more.
            if self.refusedNames.remove(name) != nil { self.delete([name]) }
        }
        batchCountMax = ObjectStorage.batchCountMax
        return []
    }
}
