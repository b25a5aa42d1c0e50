// SPDX-License-Identifier: Apache-2.0
//
// Listings of instances.
//
// Rule: a deleted instance keeps its record for hours, so a busy compartment shows tens of thousands of records and a few
// hundred instances. The service can show the instances of one state, but not of several.
// Consequence: a listing that fills one page is taken as it is. Where there are more, each state but DELETED is listed for
// itself, in the order in which an instance lives through them: one that moves on meanwhile shows in a later state. The
// cost follows what lives, and not what has lived.
// Rule: lists of several states are made at several moments, and each may lag: an instance that changes its state may be in
// two of them, where the later one counts, or in none.
// Consequence: such a listing says that it may miss some, and who concludes anything from an absence waits for more of them.
// Rejected: one listing, newest first, that ends at the launch of the oldest task that is at work. One long task among
// many short ones makes it as long as the whole; it trusts the order of pages and two clocks; and what shows late, or in a
// state of its own, is beyond its end for good.

package import EventLoop
internal import JSON

/// What a listing of instances shows.
package struct InstanceListing<Wanted> {
    /// What was wanted of the instances, each once.
    package private(set) var wanted: [Wanted] = []
    /// How many requests it took, attempts not counted.
    package internal(set) var requestCount = 0
    /// Whether it was made state by state.
    package internal(set) var isInParts = false
    var passedOver = PassedOver()
    private var places: [String: Int] = [:]

    /// Whether it may miss an instance that lives.
    package var mayMissSome: Bool { isInParts || passedOver.count > 0 }

    /// Adds what is wanted of an instance; what is shown later replaces what was shown before.
    mutating func add(_ one: Wanted, id: String) {
        if let place = places[id] {
            wanted[place] = one
        } else {
            places[id] = wanted.count
            wanted.append(one)
        }
    }
}

extension InstanceListing: Sendable where Wanted: Sendable {}

/// Whether the next of many listings should begin state by state; pure.
///
/// Where the last one that began with a page of everything had to go on, so would the next: only one in ten tries, which
/// also shows what is new and in a state that this code does not know.
package struct ListingForm: Sendable {
    private static let repetitionCount = 9
    private var leftCount = 0

    /// The form for the first listing: a page of everything.
    package init() {}

    /// The form of the next listing.
    package var isInParts: Bool { leftCount > 0 }

    /// A listing that began in this form is over; `isInParts` tells how it ended.
    package mutating func ended(isInParts: Bool) {
        leftCount = self.isInParts ? leftCount - 1 : isInParts ? Self.repetitionCount : 0
    }
}

extension ContainerInstances {
    /// Items asked for in a page of a list; the service may send fewer.
    private static let pageSize = 1000
    /// A thousand instances with all their tags, several times over.
    private static let pageBytesMax = 8 << 20
    /// How long one page of a listing may take, attempts and all.
    private static let pageTimeout: Duration = .seconds(60)
    /// In the order in which an instance lives through them.
    private static let livingStates: [LifecycleState] = [
        .creating, .active, .updating, .inactive, .failed, .deleting,
    ]

    /// Returns what `wanted` makes of all instances of the compartment that are not deleted and whose tags are `tagged`,
    /// but for nil; newest first, however many pages they fill, each of which may take a minute.
    package func all<Wanted>(
        deadline: Deadline,
        tagged: @escaping ([String: String]) -> Bool = { _ in true },
        _ wanted: @escaping (ContainerInstance) -> Wanted?
    ) async throws(OCIError) -> [Wanted] {
        var listing = InstanceListing<Wanted>()
        let terms = Terms(
            deadline: deadline,
            isShownThoughDeleted: { _ in false },
            tagged: tagged,
            wanted: wanted
        )
        try await readPages(of: nil, terms, into: &listing)
        calls.tell(listing.passedOver, of: .listContainerInstances)
        return listing.wanted
    }

    /// Returns the same, and the records of what is deleted whose ids are `known`; where they fill more than a page, or with
    /// `isInParts` at once, state by state.
    package func living<Wanted>(
        isInParts: Bool,
        known: @escaping (String) -> Bool,
        deadline: Deadline,
        tagged: @escaping ([String: String]) -> Bool,
        _ wanted: @escaping (ContainerInstance) -> Wanted?
    ) async throws(OCIError) -> InstanceListing<Wanted> {
        var listing = InstanceListing<Wanted>()
        let terms = Terms(deadline: deadline, isShownThoughDeleted: known, tagged: tagged, wanted: wanted)
        if !isInParts { listing.isInParts = try await readPage(nil, of: nil, terms, into: &listing) != nil }
        if isInParts || listing.isInParts {
            listing.isInParts = true
            for state in Self.livingStates { try await readPages(of: state, terms, into: &listing) }
        }
        calls.tell(listing.passedOver, of: .listContainerInstances)
        return listing
    }

    /// Returns how many instances the first page of a listing shows, records of what is deleted included.
    package func firstPageCount(deadline: Deadline) async throws(OCIError) -> Int {
        var listing = InstanceListing<String>()
        let terms = Terms(
            deadline: deadline,
            isShownThoughDeleted: { _ in true },
            tagged: { _ in true },
            wanted: { $0.id }
        )
        _ = try await readPage(nil, of: nil, terms, into: &listing)
        return listing.wanted.count
    }

    private struct Terms<Wanted> {
        let deadline: Deadline
        let isShownThoughDeleted: (String) -> Bool
        let tagged: ([String: String]) -> Bool
        let wanted: (ContainerInstance) -> Wanted?
    }

    private func readPages<Wanted>(
        of state: LifecycleState?,
        _ terms: Terms<Wanted>,
        into listing: inout InstanceListing<Wanted>
    ) async throws(OCIError) {
        var trail = PageTrail(of: .listContainerInstances)
        var token: String?
        while let next = try await readPage(token, of: state, terms, into: &listing) {
            try trail.follow(next)
            token = next
        }
    }

    /// Reads one page, and returns the token of the next, nil on the last; a page may be empty though others follow.
    private func readPage<Wanted>(
        _ token: String?,
        of state: LifecycleState?,
        _ terms: Terms<Wanted>,
        into listing: inout InstanceListing<Wanted>
    ) async throws(OCIError) -> String? {
        let query: ServiceRequest.Query = [
            "compartmentId": compartmentID, "lifecycleState": state?.name, "limit": String(Self.pageSize),
            "page": token,
        ]
        var request = request(.listContainerInstances, ["containerInstances"], query: query)
        request.answerBytesMax = Self.pageBytesMax
        listing.requestCount += 1
        let deadline = min(terms.deadline, .after(Self.pageTimeout))
        let page = try await calls.call(request, deadline: deadline) { answer throws(OCIError) in
            var found: [(id: String, one: Wanted)] = []
            let (_, passedOver) = try answer.readItems(countMax: Self.pageSize) { item throws(JSONError) in
                if let one = try read(item, terms) { found.append(one) }
            }
            return (found: found, passedOver: passedOver, next: answer.nextPage)
        }
        for (id, one) in page.found { listing.add(one, id: id) }
        listing.passedOver += page.passedOver
        return page.next
    }

    /// What is wanted of an item, of which no more is read than it takes to know.
    private func read<Wanted>(
        _ item: JSONItem,
        _ terms: Terms<Wanted>
    ) throws(JSONError) -> (id: String, one: Wanted)? {
        if item.has("lifecycleState", equalTo: "DELETED") {
            guard terms.isShownThoughDeleted(try item.object(only: ["id"]).identifier("id")) else {
                return nil
            }
        }
        let tags = try item.object(only: ["freeformTags"]).stringMap("freeformTags")
        guard terms.tagged(tags) else { return nil }
        let instance = try ContainerInstance(item.object())
        return terms.wanted(instance).map { (instance.id, $0) }
    }
}
