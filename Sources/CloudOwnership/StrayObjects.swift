// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import Logging
internal import Reporting

/// What lies among an owner's objects under names that the owner does not give.
///
/// A container may write where it likes, but cannot guess what another task's result is called: what it invents is ignored.
/// So is what another key named, which is deleted, for nobody will ask for it.
struct StrayObjects {
    /// How many were ignored since the process began.
    private(set) var count = 0
    private var seen: Set<String> = []

    /// Takes the names that a listing shows, of all objects or of those below `prefix` alone, and returns the new ones.
    mutating func note(_ names: [String], below prefix: String?) -> [String] {
        let new = names.filter { !seen.contains($0) }
        count += new.count
        let unlisted: Set<String> = prefix.map { prefix in seen.filter { !$0.hasPrefix(prefix) } } ?? []
        seen = unlisted.union(names)
        return new
    }
}

/// Tells of stray objects, and has those deleted that another key named; what has no such form may be anybody's.
@LoopActor
final class StrayObjectWatch {
    private let owner: Owner
    private let deleter: ObjectDeleter
    /// A container may store another one for each listing.
    private let warning: ThrottledWarning
    private var strays = StrayObjects()

    init(owner: Owner, deleter: ObjectDeleter, log: Logger) {
        self.owner = owner
        self.deleter = deleter
        warning = ThrottledWarning(
            "objects have names that this manager does not give; they are ignored",
            recovery: "all objects have names that this manager gives",
            log: log
        )
    }

    /// How many were ignored since the process began.
    var count: Int { strays.count }

    /// Takes the names that a listing of all objects shows, or one of results alone.
    func note(_ names: [String], areAll: Bool) {
        let new = strays.note(names, below: areAll ? nil : owner.resultsPrefix)
        if let first = new.first {
            warning.occurred(["objects": "\(new.count)", "first": "\(first)"])
            deleter.delete(new.filter(owner.hasNonce))
        } else if areAll, names.isEmpty {
            warning.ended()
        }
    }
}
