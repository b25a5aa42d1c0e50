// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Commands

/// The document of a daemon with one manager, or with more.
func exampleSnapshot(managerCount: Int = 1, taskCount: Int = 3) -> StatusSnapshot {
    let states = ["queued", "creating", "running"]
    var snapshot = StatusSnapshot()
    snapshot.version = "0.1.0"
    snapshot.time = 1_796_065_923
    snapshot.phase = "working"
    snapshot.words = "3 tasks: 1 queued, 1 creating, 1 running; 2 of 100 slots"
    snapshot.cpuSeconds = 1
    snapshot.managers = (0..<managerCount).map { index in
        var manager = StatusSnapshot.Manager()
        manager.id = "wm-\(index)"
        manager.isRegistered = index == 0
        (manager.usedSlots, manager.slotLimit) = (2, 100)
        manager.oldestQueuedSeconds = 12.25
        manager.taskCounts = [
            "queued", "loading", "storing", "creating", "running", "diagnosing", "fetching", "replying",
            "cleaning",
        ].map { name in
            let count = (0..<taskCount).count { states[$0 % 3] == name }
            return StatusSnapshot.Count(name: name, count: count)
        }
        manager.endedCounts = [
            StatusSnapshot.Count(name: "success", count: 340),
            StatusSnapshot.Count(name: "exception", count: 0),
            StatusSnapshot.Count(name: "refused", count: 2),
        ]
        manager.tasks = (0..<taskCount).map { number in
            StatusSnapshot.Task(
                id: String(repeating: "\(number % 10)", count: 32),
                state: states[number % 3],
                seconds: Double(number) * 61.5,
                instance: number % 3 == 2
                    ? "ocid1.computecontainerinstance.oc1.iad.abcdefghijklmnopqrstuvwx" : "",
                isWorkerLost: false,
                manager: manager.id
            )
        }
        manager.failures = [
            StatusSnapshot.Failure(
                time: 1_796_065_900,
                task: "aabbccddeeff0011",
                text: "Out of host capacity."
            )
        ]
        return manager
    }
    return snapshot
}

/// A screen that shows it, a minute after an earlier one with 60 tasks fewer that ended well.
func exampleScreen(
    _ snapshot: StatusSnapshot,
    columns: Int,
    rows: Int?,
    _ view: TopView = TopView()
) -> TopScreen {
    var earlier = snapshot
    for index in earlier.managers.indices {
        earlier.managers[index].endedCounts[0] = StatusSnapshot.Count(name: "success", count: 280)
    }
    var history = TopHistory()
    history.received(earlier, at: .seconds(100))
    history.received(snapshot, at: .seconds(160))
    return TopScreen(
        history: history,
        view: view,
        address: "127.0.0.1:9100",
        now: .seconds(160),
        columns: columns,
        rows: rows
    )
}

@Suite struct TopScreenTests {
    @Test func `a screen of 80 columns`() {
        #expect(exampleScreen(exampleSnapshot(), columns: 80, rows: 20).lines.map(\.text) == golden80)
    }

    @Test func `a screen of 200 columns`() {
        #expect(
            exampleScreen(exampleSnapshot(managerCount: 2), columns: 200, rows: 20).lines.map(\.text)
                == golden200
        )
    }

    @Test(arguments: [1, 5, 20, 79, 80, 81, 200, 1000], [1, 2, 3, 10, 24, 60])
    func `nothing is wider or longer than the screen`(columns: Int, rows: Int) {
        for snapshot in [
            exampleSnapshot(), exampleSnapshot(managerCount: 7, taskCount: 500), StatusSnapshot(),
        ] {
            let lines = exampleScreen(snapshot, columns: columns, rows: rows).lines
            #expect(lines.count == rows)
            #expect(lines.allSatisfy { $0.width <= columns })
        }
    }

    @Test func `five thousand tasks are gone through page by page, and what the daemon leaves out is said`() {
        var snapshot = exampleSnapshot(taskCount: 5000)
        snapshot.managers[0].tasksLeftOut = 1234
        var view = TopView()
        view.offset = StatusSnapshot.numberMax
        let text = exampleScreen(snapshot, columns: 80, rows: 24, view).lines.map(\.text)
        #expect(
            text.contains {
                $0.hasSuffix("of 5000, by seconds; 1234 more are not in the daemon's list")
                    && $0.contains("-5000 ")
            }
        )
    }

    @Test func `a daemon that is away or another is told, and what was seen stays`() {
        var history = TopHistory()
        history.received(exampleSnapshot(), at: .seconds(1))
        history.failed("connect: Connection refused", at: .seconds(10))
        history.failed("connect: Connection refused", at: .seconds(12))
        func text(_ history: TopHistory) -> [String] {
            TopScreen(
                history: history,
                view: TopView(),
                address: "a",
                now: .seconds(15),
                columns: 90,
                rows: 24
            )
            .lines.map(\.text)
        }
        #expect(text(history)[1] == "no answer for 5.0s, trying again: connect: Connection refused")
        #expect(text(history).contains { $0.contains("2/100 slots") })
        var next = exampleSnapshot()
        next.cpuSeconds = 0.1
        history.received(next, at: .seconds(16))
        #expect(text(history)[0].hasSuffix(", restarted at 19:12:03Z, at a"))
        #expect(text(history)[1] == next.words)
        #expect(history.perSecond("success") == nil)
    }

    @Test func `without a screen it prints what there is to read once`() {
        let lines = exampleScreen(exampleSnapshot(taskCount: 30), columns: 80, rows: nil).lines.map(\.text)
        #expect(lines.contains("tasks 1-20 of 30, by seconds"))
        #expect(!lines.contains { $0.contains("q quit") })
    }

    @Test func `hostile texts drive no terminal and stay in their line`() {
        let hostile = "\u{1B}]0;x\u{7}\u{9B}2J\r\n\u{202E}evil" + String(repeating: "\u{301}", count: 3000)
        var snapshot = exampleSnapshot()
        snapshot.version = hostile
        snapshot.words = hostile
        snapshot.phase = hostile
        snapshot.managers[0].id = hostile
        snapshot.managers[0].tasks[0].id = hostile
        snapshot.managers[0].tasks[1].state = hostile
        snapshot.managers[0].tasks[2].instance = hostile
        snapshot.managers[0].failures[0].text = hostile
        snapshot.managers[0].failures[0].task = hostile
        snapshot.managers[0].taskCounts[0] = StatusSnapshot.Count(name: hostile, count: 1)
        snapshot.managers[0].endedCounts[0] = StatusSnapshot.Count(name: hostile, count: 1)
        var view = TopView()
        view.filter = hostile
        for line in exampleScreen(snapshot, columns: 80, rows: 40, view).lines {
            let unsafe = line.text.unicodeScalars.filter {
                $0.value < 0x20 || (0x7F...0x9F).contains($0.value)
            }
            #expect(unsafe.isEmpty)
            #expect(!line.text.contains("\u{202E}"))
            #expect(line.drawn(inColour: false).unicodeScalars.count < 1000)
        }
    }

    @Test func `without colour nothing is coloured`() {
        let drawn = exampleScreen(exampleSnapshot(), columns: 80, rows: 20).lines.map {
            $0.drawn(inColour: false)
        }
        #expect(!drawn.joined().contains("\u{1B}[3"))
        #expect(
            exampleScreen(exampleSnapshot(), columns: 80, rows: 20).lines.contains {
                $0.drawn(inColour: true).contains("\u{1B}[32m")
            }
        )
    }

    @Test(arguments: [
        (0.0, "0.0s"), (9.94, "9.9s"), (9.96, "9s"), (59.9, "59s"), (61, "1m01s"), (3661, "1h01m"),
        (90_000, "1d01h"), (1e9, "11574d01h"),
    ])
    func `a time is told in two units`(seconds: Double, text: String) {
        #expect(TopScreen.duration(seconds) == text)
    }

    @Test func `wide characters take two columns, marks none`() {
        var line = ScreenLine()
        line.addCell("任务e\u{301}x", 8)
        #expect(line.width == 8)
        line = ScreenLine()
        line.addCell("任务任务任务", 8)
        #expect(line.text == "任务...")
    }
}

private func lines(_ text: String) -> [String] {
    text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
}

private let golden80 = lines(
    """
    scaler-oci-hpc 0.1.0, working, 19:12:03Z, at 127.0.0.1:9100
    3 tasks: 1 queued, 1 creating, 1 running; 2 of 100 slots
    wm-0 [#.................] 2/100 slots, oldest queued 12s
    queued     [#####...........]       1  diagnosing [................]       0
    loading    [................]       0  fetching   [................]       0
    storing    [................]       0  replying   [................]       0
    creating   [#####...........]       1  cleaning   [................]       0
    running    [#####...........]       1
    ended success 340 (1.00/s), refused 2 (0.00/s)
    tasks 1-3 of 3, by seconds
    TASK             STATE      FOR     INSTANCE
    2222222222222... running    2m03s   ...instance.oc1.iad.abcdefghijklmnopqrstuvwx
    1111111111111... creating   1m01s
    0000000000000... queued     0.0s
    failures, the newest first
    19:11:40Z aabbc... Out of host capacity.



    q quit  s sort  r reverse  / filter  Esc all  arrows, PgUp, PgDn scroll
    """
)
private let golden200 = lines(
    """
    scaler-oci-hpc 0.1.0, working, 19:12:03Z, at 127.0.0.1:9100
    3 tasks: 1 queued, 1 creating, 1 running; 2 of 100 slots
    wm-0 [#...............................................] 2/100 slots, oldest queued 12s
    wm-1 [#...............................................] 2/100 slots, not registered, oldest queued 12s
    queued     [#####...........]       2  storing    [................]       0  running    [#####...........]       2  fetching   [................]       0  cleaning   [................]       0
    loading    [................]       0  creating   [#####...........]       2  diagnosing [................]       0  replying   [................]       0
    ended success 680 (2.00/s), refused 4 (0.00/s)
    tasks 1-6 of 6, by seconds
    TASK                             STATE      FOR     MANAGER       INSTANCE
    22222222222222222222222222222222 running    2m03s   wm-0          ocid1.computecontainerinstance.oc1.iad.abcdefghijklmnopqrstuvwx
    22222222222222222222222222222222 running    2m03s   wm-1          ocid1.computecontainerinstance.oc1.iad.abcdefghijklmnopqrstuvwx
    11111111111111111111111111111111 creating   1m01s   wm-0
    11111111111111111111111111111111 creating   1m01s   wm-1
    00000000000000000000000000000000 queued     0.0s    wm-0
    00000000000000000000000000000000 queued     0.0s    wm-1
    failures, the newest first
    19:11:40Z aabbccddeeff0011                 Out of host capacity.
    19:11:40Z aabbccddeeff0011                 Out of host capacity.

    q quit  s sort  r reverse  / filter  Esc all  arrows, PgUp, PgDn scroll
    """
)
