// SPDX-License-Identifier: Apache-2.0

import EventLoop
import TestSupport
import Testing

@testable import SchedulerLink

/// What answers and silence allow to conclude, at moments that the tests choose.
@Suite struct ObjectStoreConversationTests {
    /// A conversation and the moment it began.
    private struct Stage {
        let start = Deadline.now
        var talk: ObjectStoreConversation

        init(patience: Duration = .seconds(300)) {
            talk = ObjectStoreConversation(ObjectStoreConversation.Pace(patience: patience), at: start)
        }

        func at(_ seconds: Double) -> Deadline { start + .seconds(seconds) }

        mutating func get(_ id: UInt64, at seconds: Double) { talk.asked(id, isGet: true, at: at(seconds)) }
        mutating func set(_ id: UInt64, at seconds: Double) { talk.asked(id, isGet: false, at: at(seconds)) }

        mutating func check(_ id: UInt64, at seconds: Double) {
            talk.checking(id, at: at(seconds))
            set(id, at: seconds)
        }

        /// An answer that comes in one piece.
        @discardableResult
        mutating func answer(_ id: UInt64, at seconds: Double) -> ObjectStoreConversation.Conclusion {
            defer { talk.answerEnded(at: at(seconds)) }
            return talk.answerBegan(id, at: at(seconds))
        }

        mutating func next(at seconds: Double) -> ObjectStoreConversation.Step { talk.next(at: at(seconds)) }
    }

    @Test func `where no answer is due nothing is asked, however long it is quiet`() {
        var stage = Stage()
        #expect(stage.next(at: 1_000) == .wait(until: .never))
        stage.get(1, at: 1_000)
        stage.answer(1, at: 1_001)
        #expect(stage.next(at: 9_000) == .wait(until: .never))
    }

    @Test func `a get that waits alone is checked after a second, and dead after thirty`() {
        var stage = Stage()
        stage.get(1, at: 100)
        #expect(stage.next(at: 100) == .wait(until: stage.at(101)))
        #expect(stage.next(at: 101) == .check)
        stage.check(2, at: 101)
        #expect(stage.next(at: 101) == .wait(until: stage.at(130)))
        #expect(stage.next(at: 130) == .reconnect)
    }

    @Test func `a connection that carries something is not dead`() {
        var stage = Stage()
        stage.get(1, at: 0)
        stage.check(2, at: 1)
        for second in 2..<100 {
            stage.talk.carried(1 << 16, at: stage.at(Double(second)))
            #expect(stage.next(at: Double(second)) == .wait(until: stage.at(Double(second) + 30)))
        }
    }

    @Test func `an answer that stops in the middle is a dead connection, too`() {
        var stage = Stage()
        stage.get(1, at: 0)
        _ = stage.talk.answerBegan(1, at: stage.at(1))
        #expect(stage.next(at: 1) == .wait(until: stage.at(16)))
        #expect(stage.next(at: 16) == .check)
        stage.talk.checking(2, at: stage.at(16))
        #expect(stage.next(at: 31) == .reconnect)
    }

    /// Bytes a second, and whether that is a line on which an answer may come; a line of 64 kB/s has less for each of many.
    @Test(arguments: [(1, false), (100, false), (4_000, true), (64_000, true), (3_000_000, true)])
    func `an answer that comes by drops is a dead connection, one on a slow line is not`(
        rate: Int,
        isAlive: Bool
    ) {
        var stage = Stage()
        stage.get(1, at: 0)
        _ = stage.talk.answerBegan(1, at: stage.at(0))
        var isChecked = false
        for second in 1...600 {
            let moment = stage.at(Double(second))
            // What is read at a time is up to 64 KiB.
            for start in stride(from: 0, to: rate, by: 1 << 16) {
                stage.talk.carried(min(1 << 16, rate - start), at: moment)
            }
            switch stage.next(at: Double(second)) {
            case .wait: continue
            case .check:
                #expect(!isChecked)
                isChecked = true
                stage.check(2, at: Double(second))
            case .reconnect:
                #expect(!isAlive, "after \(second) s")
                #expect(second <= 45)
                return
            }
        }
        #expect(isAlive)
    }

    @Test func `a check that cannot be sent behind a set that is stuck ends the connection, too`() {
        var stage = Stage()
        stage.set(1, at: 0)
        stage.talk.carried(1 << 16, at: stage.at(5))
        #expect(stage.next(at: 6) == .check)
        stage.talk.checking(2, at: stage.at(6))
        #expect(stage.next(at: 34) == .wait(until: stage.at(35)))
        #expect(stage.next(at: 35) == .reconnect)
    }

    @Test func `only a later answer tells that an object is absent, after a moment, and only gets can be`() {
        var stage = Stage()
        stage.get(1, at: 0)
        stage.set(2, at: 0)
        stage.get(3, at: 0)
        #expect(stage.answer(1, at: 0.1) == ObjectStoreConversation.Conclusion())
        stage.get(4, at: 0.2)
        #expect(stage.answer(4, at: 0.3) == ObjectStoreConversation.Conclusion())
        #expect(stage.next(at: 0.3) == .wait(until: stage.at(1.1)))
        stage.get(5, at: 1.1)
        #expect(stage.answer(5, at: 1.2).absent == [3])
        // Known already.
        stage.get(6, at: 4)
        #expect(stage.answer(6, at: 5).absent == [])
    }

    @Test func `an object is missing only when a question after its time is answered, and it is not`() {
        var stage = Stage(patience: .seconds(6))
        stage.get(1, at: 0)
        stage.check(2, at: 1)
        #expect(stage.answer(2, at: 1).absent == [1])
        // No time is long enough without a question.
        #expect(stage.next(at: 5) == .wait(until: stage.at(6)))
        stage.get(3, at: 5)
        #expect(stage.answer(3, at: 50).missing == [])
        // A second after the answer, or at once for what is over.
        #expect(stage.next(at: 50) == .check)
        stage.check(4, at: 50)
        #expect(stage.answer(4, at: 51).missing == [1])
        #expect(stage.next(at: 51) == .wait(until: .never))
    }

    @Test func `patience begins when the connection is quiet, not while it carries others' bulk`() {
        var stage = Stage(patience: .seconds(6))
        stage.get(1, at: 0)
        stage.get(2, at: 0)
        _ = stage.talk.answerBegan(1, at: stage.at(1))
        for second in 1...20 {
            stage.talk.carried(1 << 16, at: stage.at(Double(second)))
            // Nobody looks for 2 while 1 arrives.
            #expect(stage.next(at: Double(second)) == .wait(until: stage.at(Double(second) + 15)))
        }
        stage.talk.answerEnded(at: stage.at(20))
        stage.check(3, at: 21)
        #expect(stage.answer(3, at: 21).absent == [2])
        stage.get(4, at: 25)
        #expect(stage.answer(4, at: 25).missing == [])
        stage.get(5, at: 26)
        #expect(stage.answer(5, at: 26).missing == [2])
    }

    @Test func `a busy connection does not keep an absent object from going missing`() {
        var stage = Stage(patience: .seconds(6))
        stage.get(1, at: 0)
        var missing: [UInt64] = []
        for second in 1...8 {
            stage.get(UInt64(second + 10), at: Double(second))
            missing += stage.answer(UInt64(second + 10), at: Double(second) + 0.5).missing
        }
        #expect(missing == [1])
    }

    @Test func `an object that comes after all is neither absent nor missing any more`() {
        var stage = Stage(patience: .seconds(6))
        stage.get(1, at: 0)
        stage.get(2, at: 0)
        stage.check(3, at: 1)
        #expect(stage.answer(3, at: 1).absent == [1, 2])
        stage.answer(1, at: 2)
        stage.talk.dropped(2)
        #expect(stage.next(at: 100) == .wait(until: .never))
        stage.check(4, at: 100)
        #expect(stage.answer(4, at: 100) == ObjectStoreConversation.Conclusion())
    }

    @Test func `an answer to nobody is a sign of life`() {
        var stage = Stage()
        stage.get(1, at: 0)
        #expect(stage.answer(77, at: 10) == ObjectStoreConversation.Conclusion())
        #expect(stage.next(at: 10) == .wait(until: stage.at(11)))
    }

    @Test func `after silences a server is given more time, within bounds`() {
        let pace = ObjectStoreConversation.Pace(patience: .seconds(300))
        let times = (0...5).map { pace.afterSilences($0).silence }
        #expect(times == [15, 30, 60, 120, 120, 120].map { .seconds($0) })
    }
}
