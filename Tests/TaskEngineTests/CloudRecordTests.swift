// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import TaskEngine

/// What one record says of itself: the slots it takes, the instance to go on with, and whether anything is left of it.
@Suite struct CloudRecordTests {
    private func record(_ claim: CloudRecord.Claim, _ instances: CloudRecord.Instance...) -> CloudRecord {
        var record = CloudRecord(since: .zero, claim: claim, number: 1)
        record.instances = instances
        return record
    }

    private func known(
        _ id: String,
        _ phase: InstancePhase = .running,
        createdAt: Int = 0,
        deletion: CloudRecord.Deletion = .none
    ) -> CloudRecord.Instance {
        let seen = instance(id, phase, createdAt: createdAt)
        return CloudRecord.Instance(id: id, knownSince: .zero, seen: seen, deletion: deletion)
    }

    private let accepted = CloudRecord.Deletion.accepted(since: .zero, isDoubtful: false)

    /// A table of a hundred thousand waiting tasks has up to twice as many places.
    @Test func `a record is small, and what its run is at lies apart from it`() {
        #expect(MemoryLayout<CloudRecord>.stride <= 144)
        #expect(MemoryLayout<CloudRecord.InHand>.size > 100)
    }

    @Test(arguments: [
        (InstancePhase.running, CloudRecord.Deletion.none, 1), (.running, .ordered, 1),
        (.running, .accepted(since: .zero, isDoubtful: true), 1),
        (.running, .accepted(since: .zero, isDoubtful: false), 0),
        (.deleting, .accepted(since: .zero, isDoubtful: true), 0), (.stopped, .none, 1),
        (.deleting, .none, 0),
        (.deleted, .ordered, 0),
    ])
    func `an instance takes a slot until its deletion is accepted or it is seen to leave`(
        phase: InstancePhase,
        deletion: CloudRecord.Deletion,
        slots: Int
    ) {
        #expect(record(.unwanted, known("i", phase, deletion: deletion)).totals.slots == slots)
    }

    @Test func `a task in hand takes one slot, whether its instance is known yet or gone already`() {
        #expect(record(.inHand(.init())).totals.slots == 1)
        #expect(record(.inHand(.init(instanceID: "i")), known("i")).totals.slots == 1)
        #expect(record(.inHand(.init(instanceID: "i")), known("i", deletion: accepted)).totals.slots == 1)
    }

    @Test
    func `what is being deleted for a task in hand takes a slot besides its own, unless it is waited for`() {
        #expect(record(.inHand(.init()), known("i", deletion: .ordered)).totals.slots == 2)
        #expect(record(.inHand(.init(givenUpID: "i")), known("i", deletion: .ordered)).totals.slots == 1)
    }

    @Test func `an abandoned create takes a slot, and no other is kept for a run that makes no other`() {
        var orphan = record(.orphaned)
        orphan.abandonedCreates = [.seconds(1), .seconds(2)]
        #expect(orphan.totals.slots == 2)
        var inHand = record(.inHand(.init(hasAbandonedCreate: true)))
        inHand.abandonedCreates = [.seconds(1)]
        #expect(inHand.totals.slots == 1)
        inHand.inHand?.hasAbandonedCreate = false
        #expect(inHand.totals.slots == 2)
    }

    @Test func `deletions that are not accepted and those in doubt are counted`() {
        let doubtful = CloudRecord.Deletion.accepted(since: .zero, isDoubtful: true)
        let totals = record(
            .unwanted,
            known("a", deletion: .ordered),
            known("b", deletion: doubtful),
            known("c", deletion: accepted),
            known("d")
        ).totals
        #expect(totals.pendingDeletions == 1)
        #expect(totals.doubtfulDeletions == 1)
        var sum = totals
        sum += totals
        #expect(sum.pendingDeletions == 2)
        sum -= totals
        #expect(sum == totals)
    }

    @Test func `one goes on with what may still yield a result, then with the newest`() {
        let old = known("old", createdAt: 1)
        let new = known("new", createdAt: 2)
        let ended = known("ended", .stopped, createdAt: 3)
        #expect(record(.queued, old, ended, new).best?.id == "new")
        #expect(record(.queued, ended, old).best?.id == "old")
        #expect(record(.queued, ended).best?.id == "ended")
        #expect(record(.queued, known("i", .deleting), known("j", deletion: .ordered)).best == nil)
    }

    @Test func `nothing is left of a task without instance, result, payload or abandoned create`() {
        #expect(record(.orphaned).isEmpty)
        #expect(!record(.orphaned, known("i", deletion: accepted)).isEmpty)
        for change: (inout CloudRecord) -> Void in [
            { $0.hasResult = true }, { $0.inputs = ["in"] }, { $0.abandonedCreates = [.zero] },
        ] {
            var record = record(.orphaned)
            change(&record)
            #expect(!record.isEmpty)
        }
    }

    @Test func `a listing can tell something of what is watched, and of what is left behind`() {
        var record = record(.inHand(.init()))
        #expect(record.totals.worthLooking == 1)
        record.inHand?.isWatched = false
        #expect(record.totals.worthLooking == 0)
        record.claim = .unwanted
        #expect(record.totals.worthLooking == 0)
        record.hasResult = true
        #expect(record.totals.worthLooking == 1)
        record.claim = .answered(until: .zero)
        #expect(record.totals.worthLooking == 0)
    }

    @Test func `only a claim that is orphaned or queued can be adopted, and nothing but a run's is in hand`()
    {
        let claims: [CloudRecord.Claim] = [
            .orphaned, .queued, .inHand(.init()), .answered(until: .zero), .unwanted,
        ]
        #expect(claims.map { record($0).isClaimable } == [true, true, false, false, false])
        #expect(claims.map { record($0).inHand != nil } == [false, false, true, false, false])
    }
}
