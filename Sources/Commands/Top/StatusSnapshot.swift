// SPDX-License-Identifier: Apache-2.0

internal import JSON

/// What `/status.json` says, as far as `top` shows it.
///
/// A member that is absent, or of another type than this release knows, counts as zero, empty or false: another release of the
/// daemon may have more, or fewer. Numbers are cut to what can be summed and shown.
struct StatusSnapshot: Equatable, Sendable {
    /// Larger numbers than any daemon has are cut to this.
    static let numberMax = 1_000_000_000

    /// One worker manager.
    struct Manager: Equatable, Sendable {
        var id = ""
        var isRegistered = false
        var isAccessLost = false
        var usedSlots = 0
        var slotLimit = 0
        var waitingForRoom = 0
        var waitingForHost = 0
        var oldestQueuedSeconds = 0.0
        var orphans = 0
        /// By state, in the order of the document, which is that of a task's life.
        var taskCounts: [Count] = []
        /// By outcome.
        var endedCounts: [Count] = []
        var tasks: [Task] = []
        /// Tasks that the document does not list.
        var tasksLeftOut = 0
        /// The oldest first.
        var failures: [Failure] = []
    }

    struct Count: Equatable, Sendable {
        let name: String
        let count: Int
    }

    struct Task: Equatable, Sendable {
        var id = ""
        var state = ""
        /// In that state.
        var seconds = 0.0
        var instance = ""
        var isWorkerLost = false
        var manager = ""
    }

    struct Failure: Equatable, Sendable {
        /// Seconds since 1970.
        var time = 0
        var task = ""
        var text = ""
    }

    var version = ""
    /// Seconds since 1970.
    var time = 0
    var phase = ""
    var words = ""
    /// Of the process; smaller than before where it is another.
    var cpuSeconds = 0.0
    var managers: [Manager] = []
}

extension StatusSnapshot {
    /// Reads the document; nil for what is none.
    init?(reading bytes: [UInt8]) {
        guard let top = try? JSONObject(reading: bytes), let managers = try? top.objects("managers") else {
            return nil
        }
        version = top.text("version")
        time = top.whole("time", upTo: .max)
        phase = top.text("phase")
        words = top.text("status")
        cpuSeconds = top.part("process")?.real("cpu_seconds") ?? 0
        self.managers = managers.map(Manager.init)
    }
}

extension StatusSnapshot.Manager {
    fileprivate init(_ object: JSONObject) {
        id = object.text("id")
        isRegistered = object["registered"] == .bool(true)
        isAccessLost = object["access_lost"] == .bool(true)
        let slots = object.part("slots")
        usedSlots = slots?.whole("used") ?? 0
        slotLimit = slots?.whole("limit") ?? 0
        let waiting = object.part("waiting")
        waitingForRoom = waiting?.whole("for_room") ?? 0
        waitingForHost = waiting?.whole("for_host") ?? 0
        oldestQueuedSeconds = object.real("oldest_queued_seconds")
        orphans = object.whole("orphans")
        taskCounts = object.counts("task_counts")
        endedCounts = object.counts("ended_counts")
        let manager = id
        tasks = object.parts("tasks").map { StatusSnapshot.Task($0, of: manager) }
        tasksLeftOut = object.whole("tasks_left_out")
        failures = object.parts("failures").map(StatusSnapshot.Failure.init)
    }
}

extension StatusSnapshot.Task {
    fileprivate init(_ object: JSONObject, of manager: String) {
        id = object.text("id")
        state = object.text("state")
        seconds = object.real("seconds")
        instance = object.text("instance")
        isWorkerLost = object["worker_lost"] == .bool(true)
        self.manager = manager
    }
}

extension StatusSnapshot.Failure {
    fileprivate init(_ object: JSONObject) {
        time = object.whole("time", upTo: .max)
        task = object.text("task")
        text = object.text("text")
    }
}

extension JSONObject {
    fileprivate func text(_ name: String) -> String {
        if case .string(let text)? = self[name] { text } else { "" }
    }

    fileprivate func real(_ name: String) -> Double {
        let number = (try? numberIfPresent(name)) ?? 0
        return min(max(0, number), Double(StatusSnapshot.numberMax))
    }

    fileprivate func whole(_ name: String, upTo limit: Int = StatusSnapshot.numberMax) -> Int {
        guard case .integer(let number)? = self[name] else { return 0 }
        return min(max(0, Int(number)), limit)
    }

    fileprivate func part(_ name: String) -> JSONObject? { self[name].flatMap { try? JSONObject($0) } }

    fileprivate func parts(_ name: String) -> [JSONObject] {
        guard case .array(let elements)? = self[name] else { return [] }
        return elements.compactMap { try? JSONObject($0) }
    }

    fileprivate func counts(_ name: String) -> [StatusSnapshot.Count] {
        guard case .object(let members)? = self[name], let object = part(name) else { return [] }
        return members.map { StatusSnapshot.Count(name: $0.name, count: object.whole($0.name)) }
    }
}
