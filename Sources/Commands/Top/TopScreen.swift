// SPDX-License-Identifier: Apache-2.0

internal import Encodings

/// The picture that `top` shows, from what was read and what the person chose; pure: values in, lines out.
struct TopScreen {
    /// What of the document is on the screen: managers, failures, and without a screen tasks.
    private static let managerCountMax = 4
    private static let failureCountMax = 5
    private static let plainTaskCount = 20
    private static let phaseColumnWidth = 40

    let history: TopHistory
    let view: TopView
    /// Where the document comes from.
    let address: String
    /// The time by the clock of `history`.
    let now: Duration
    let columns: Int
    /// Nil where there is no screen: everything worth reading once, and no help on keys.
    let rows: Int?

    /// The lines, never more than there are rows, nor wider than there are columns.
    var lines: [ScreenLine] {
        let footer = rows == nil ? [] : [self.footer]
        var lines = heading
        if let snapshot = history.snapshot {
            lines += managers(snapshot) + phases(snapshot) + [ended(snapshot)]
            let failures = failures(snapshot)
            let room = rows.map { max(0, $0 - lines.count - failures.count - footer.count) }
            lines += tasks(snapshot, room: room) + failures
        }
        if let rows {
            lines = Array(lines.prefix(max(0, rows - 1)))
            lines += Array(repeating: ScreenLine(), count: max(0, rows - 1 - lines.count))
        }
        return (lines + footer).map { $0.clipped(to: columns) }
    }

    /// How many tasks a page has, for the keys that turn one.
    var pageCount: Int {
        guard let rows, let snapshot = history.snapshot else { return 1 }
        let others =
            heading.count + managers(snapshot).count + phases(snapshot).count + failures(snapshot).count
        return max(1, rows - others - 4)
    }

    // MARK: - Heading

    private var heading: [ScreenLine] {
        var first = ScreenLine("scaler-oci-hpc", .strong)
        if let snapshot = history.snapshot {
            first.add(" \(snapshot.version), \(snapshot.phase), \(Self.clock(snapshot.time))")
            if let restartedAt = history.restartedAt {
                first.add(", restarted at \(Self.clock(restartedAt))", .bad)
            }
        }
        first.add(", at \(address)")
        var second = ScreenLine(history.snapshot?.words ?? "")
        if let trouble = history.trouble {
            let seconds = Self.duration((now - trouble.since) / .seconds(1))
            second = ScreenLine("no answer for \(seconds), trying again: \(trouble.reason)", .bad)
        } else if history.snapshot == nil {
            second = ScreenLine("waiting for the first answer", .faint)
        }
        return [first, second]
    }

    // MARK: - Managers and phases

    private func managers(_ snapshot: StatusSnapshot) -> [ScreenLine] {
        let shown = snapshot.managers.prefix(Self.managerCountMax)
        let nameWidth = min(columns / 4, shown.map { ScreenLine.width(of: $0.id) }.max() ?? 0)
        var lines = shown.map { manager in
            var line = ScreenLine()
            line.addCell(manager.id, nameWidth, .strong)
            line.add(" ")
            line.add(Self.bar(manager.usedSlots, of: manager.slotLimit, width: columns / 4), .good)
            line.add(" \(manager.usedSlots)/\(manager.slotLimit) slots")
            for (text, isBad) in Self.conditions(manager) { line.add(", \(text)", isBad ? .bad : .plain) }
            return line
        }
        let more = snapshot.managers.count - shown.count
        if more > 0 { lines.append(ScreenLine("and \(more) more manager\(more == 1 ? "" : "s")", .faint)) }
        if snapshot.managers.isEmpty { lines.append(ScreenLine("no manager has seen OCI yet", .faint)) }
        return lines
    }

    private static func conditions(_ manager: StatusSnapshot.Manager) -> [(text: String, isBad: Bool)] {
        var conditions: [(text: String, isBad: Bool)] = []
        if !manager.isRegistered { conditions.append(("not registered", true)) }
        if manager.isAccessLost { conditions.append(("OCI refuses access", true)) }
        if manager.waitingForRoom > 0 {
            conditions.append(("\(manager.waitingForRoom) wait for room at OCI", true))
        }
        if manager.waitingForHost > 0 {
            conditions.append(("\(manager.waitingForHost) wait for this host", true))
        }
        if manager.orphans > 0 { conditions.append(("\(manager.orphans) orphans", false)) }
        if manager.oldestQueuedSeconds > 0 {
            conditions.append(("oldest queued \(duration(manager.oldestQueuedSeconds))", false))
        }
        return conditions
    }

    /// Tasks by state, of all managers, side by side as far as there is room.
    private func phases(_ snapshot: StatusSnapshot) -> [ScreenLine] {
        let counts = Self.sums(snapshot.managers.map(\.taskCounts))
        let total = counts.reduce(0) { $0 + $1.count }
        let perLine = max(1, columns / Self.phaseColumnWidth)
        let width = columns / perLine
        let lineCount = (counts.count + perLine - 1) / perLine
        return (0..<lineCount).map { row in
            var line = ScreenLine()
            // Down, then right: a task's life reads as a column does.
            for entry in stride(from: row, to: counts.count, by: lineCount).map({ counts[$0] }) {
                line.addCell(entry.name, 10)
                line.add(" ")
                let style: ScreenLine.Style = entry.count > 0 ? .good : .faint
                line.add(Self.bar(entry.count, of: total, width: max(3, width - 22)), style)
                line.addCell("\(entry.count)", 8, isRight: true)
                line.add("  ")
            }
            return line
        }
    }

    /// Ended tasks by outcome, with how many a second in the last minute.
    private func ended(_ snapshot: StatusSnapshot) -> ScreenLine {
        var line = ScreenLine("ended", .strong)
        let counts = Self.sums(snapshot.managers.map(\.endedCounts)).filter { $0.count > 0 }
        for (index, entry) in counts.enumerated() {
            let isGood = entry.name == "success"
            line.add("\(index == 0 ? "" : ",") \(entry.name) ", isGood ? .plain : .bad)
            line.add("\(entry.count)")
            if let rate = history.perSecond(entry.name) { line.add(" (\(Self.rate(rate))/s)") }
        }
        if counts.isEmpty { line.add(" none yet", .faint) }
        return line
    }

    private static func sums(_ lists: [[StatusSnapshot.Count]]) -> [StatusSnapshot.Count] {
        var names: [String] = []
        var sums: [String: Int] = [:]
        for entry in lists.joined() {
            if sums[entry.name] == nil { names.append(entry.name) }
            sums[entry.name, default: 0] += entry.count
        }
        return names.map { StatusSnapshot.Count(name: $0, count: sums[$0] ?? 0) }
    }

    // MARK: - Tasks and failures

    private func tasks(_ snapshot: StatusSnapshot, room: Int?) -> [ScreenLine] {
        let all = snapshot.managers.flatMap(\.tasks)
        let chosen = view.chosen(of: all)
        let count = room.map { max(0, $0 - 2) } ?? Self.plainTaskCount
        let first = min(view.offset, max(0, chosen.count - count))
        let shown = chosen.dropFirst(first).prefix(count)
        var title = ScreenLine("tasks", .strong)
        title.add(" \(shown.isEmpty ? 0 : first + 1)-\(first + shown.count) of \(chosen.count)")
        if !view.filter.isEmpty { title.add(" with \"\(view.filter)\"") }
        title.add(", by \(view.sort.rawValue)\(view.isReversed ? ", reversed" : "")")
        let leftOut = snapshot.managers.reduce(0) { $0 + $1.tasksLeftOut }
        if leftOut > 0 { title.add("; \(leftOut) more are not in the daemon's list", .bad) }
        // An id has 32 digits, an OCID up to 255 characters of which the last ones tell.
        let idWidth = columns >= 120 ? 33 : 17
        let hasManagers = snapshot.managers.count > 1
        var heads = ScreenLine()
        heads.addCell("TASK", idWidth, .faint)
        heads.addCell("STATE", 11, .faint)
        heads.addCell("FOR", 8, .faint)
        if hasManagers { heads.addCell("MANAGER", 14, .faint) }
        heads.add("INSTANCE", .faint)
        return [title, heads]
            + shown.map { task in
                var line = ScreenLine()
                line.addCell(task.id, idWidth - 1)
                line.add(" ")
                line.addCell(task.state, 10)
                line.add(" ")
                line.addCell(Self.duration(task.seconds), 8)
                if hasManagers {
                    line.addCell(task.manager, 13)
                    line.add(" ")
                }
                if task.isWorkerLost { line.add("worker lost ", .bad) }
                line.add(instance(task.instance, room: columns - line.width))
                return line
            }
    }

    /// The end of an OCID where there is no room for all of it: the beginning is alike in all.
    private func instance(_ text: String, room: Int) -> String {
        text.count <= room || room < 8 ? text : "..." + text.suffix(room - 3)
    }

    private func failures(_ snapshot: StatusSnapshot) -> [ScreenLine] {
        let newest = snapshot.managers.flatMap(\.failures).sorted { $0.time > $1.time }
        if newest.isEmpty { return [] }
        let count = rows == nil ? newest.count : Self.failureCountMax
        return [ScreenLine("failures, the newest first", .strong)]
            + newest.prefix(count).map { failure in
                var line = ScreenLine("\(Self.clock(failure.time)) ")
                line.addCell(failure.task, columns >= 120 ? 32 : 8)
                line.add(" ")
                line.add(failure.text, .bad)
                return line
            }
    }

    private var footer: ScreenLine {
        if let typed = view.typed {
            return ScreenLine("filter: \(typed)_  (Enter takes it, Esc leaves it)", .reversed)
        }
        var line = ScreenLine()
        line.addCell(
            "q quit  s sort  r reverse  / filter  Esc all  arrows, PgUp, PgDn scroll",
            columns,
            .reversed
        )
        return line
    }

    // MARK: - Words

    /// `[####....]`, with a mark for anything above nothing.
    private static func bar(_ count: Int, of total: Int, width: Int) -> String {
        let inner = max(1, width - 2)
        let share = total > 0 ? min(1, Double(count) / Double(total)) : 0
        let filled = count > 0 ? max(1, Int((share * Double(inner)).rounded())) : 0
        return "[" + String(repeating: "#", count: filled) + String(repeating: ".", count: inner - filled)
            + "]"
    }

    /// `0.9s`, `45s`, `12m05s`, `3h07m`, `5d02h`.
    static func duration(_ seconds: Double) -> String {
        if seconds < 9.95 {
            return "\(Int((seconds * 10).rounded()) / 10).\(Int((seconds * 10).rounded()) % 10)s"
        }
        let whole = Int(seconds)
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return switch whole {
        case ..<60: "\(whole)s"
        case ..<3600: "\(whole / 60)m\(two(whole % 60))s"
        case ..<86_400: "\(whole / 3600)h\(two(whole / 60 % 60))m"
        default: "\(whole / 86_400)d\(two(whole / 3600 % 24))h"
        }
    }

    /// To two decimals.
    private static func rate(_ perSecond: Double) -> String {
        let hundredths = Int((min(perSecond, 1e9) * 100).rounded())
        return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
    }

    /// The time of day in UTC, such as `19:12:03Z`.
    static func clock(_ epochSeconds: Int) -> String {
        let parts = [epochSeconds / 3600 % 24, epochSeconds / 60 % 60, epochSeconds % 60]
        return parts.map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: ":") + "Z"
    }
}
