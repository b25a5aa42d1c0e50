// SPDX-License-Identifier: Apache-2.0

package import EventLoop
internal import JSON

/// States of an instance and of its container, in the words of the API.
package enum InstanceState: String, Sendable {
    /// To ACTIVE, to FAILED, or to DELETING.
    case creating = "CREATING"
    /// To UPDATING when its container ends, or to DELETING.
    case active = "ACTIVE"
    /// To INACTIVE, or to DELETING.
    case updating = "UPDATING"
    /// To DELETING.
    case inactive = "INACTIVE"
    /// To DELETED.
    case deleting = "DELETING"
    /// Shown for a while, then gone.
    case deleted = "DELETED"
    /// Could not be made. To DELETING.
    case failed = "FAILED"
}

/// What the lists of single states show of an instance while listings lag behind a change of its state.
private enum StateListing: Int {
    /// It is in the list of its former state.
    case asTheWhole
    /// It is in none at first, and then in that of its new state.
    case inNone
    /// It is in those of its former and of its new state.
    case inBoth
}

/// One container instance with its one container.
@LoopActor
package final class SimulatedInstance {
    /// Its OCID.
    package let id: String
    /// Its state.
    package private(set) var state: InstanceState
    /// The task that it was made for; nil for a stranger's.
    package let launch: InstanceLaunchDetails?

    /// How many instances were made before it.
    let number: Int
    /// Of which process of the daemon the create came; nil for a stranger's.
    let process: Int?
    /// What is the matter, in the service's words.
    var details: String?
    /// Code and message of what went wrong while it was made.
    var creationError: (code: String, message: String)?
    var containerState = InstanceState.creating
    /// A placeholder 0 while the container is ACTIVE.
    var exitCode: Int?
    var containerDetails: String?
    /// Whether the service has accepted to delete it.
    var isDeletionAccepted = false
    /// Whether a deletion of it was answered with 404 although it is there.
    var isDenied = false
    /// When its container ended, if that left no result.
    var failedAt: Deadline?
    /// Whether the present process must know of it although an earlier one has made it.
    var isInherited = false
    /// How many deletions of it have been asked for.
    var deletionCount = 0
    /// When a listing first showed it to the present process of the daemon, and when it was made.
    var shownSince: Deadline?
    let madeAt = Deadline.now
    /// The retry token that it was made with; empty for a stranger's.
    var token = ""
    /// The run of its container, once that has begun.
    var run: SimulatedContainer?

    private let simulation: Simulation
    private let created: Int64
    private let settings: CloudSettings
    private let tags: [(String, String)]
    private var updated: Int64
    private var encoded: [UInt8]?
    /// What listings show instead until `staleUntil`; nil for nothing at all.
    private var stale: [UInt8]?
    private var staleUntil: Deadline?
    /// The state that `stale` shows.
    private var formerState: InstanceState?
    /// What the lists of single states show meanwhile, and until when none of them shows it.
    private var listing = StateListing.asTheWhole
    private var unlistedUntil: Deadline?

    init(
        _ simulation: Simulation,
        _ settings: CloudSettings,
        number: Int,
        id: String,
        process: Int,
        _ launch: InstanceLaunchDetails
    ) {
        self.simulation = simulation
        self.settings = settings
        self.number = number
        self.id = id
        self.process = process
        self.launch = launch
        tags = launch.tags
        state = .creating
        created = simulation.serviceMilliseconds
        updated = created
        goStale(showing: nil)
    }

    /// A stranger's, which nobody touches.
    init(_ simulation: Simulation, _ settings: CloudSettings, stranger number: Int, tags: [(String, String)])
    {
        self.simulation = simulation
        self.settings = settings
        self.number = number - 1000
        self.tags = tags
        id = "ocid1.computecontainerinstance.oc1.iad.stranger\(number)"
        process = nil
        launch = nil
        state = [.active, .inactive, .creating, .failed][number % 4]
        created = simulation.serviceMilliseconds - 86_400_000
        updated = created
    }

    var containerID: String {
        id.replacingPrefix("ocid1.computecontainerinstance", by: "ocid1.computecontainer")
    }
    var workRequestID: String {
        id.replacingPrefix("ocid1.computecontainerinstance", by: "ocid1.workrequest")
    }
    /// The job that it runs.
    var job: UInt64 { launch?.job.number ?? .max }

    /// Changes the state; a listing may show the former one for a while.
    func enter(_ state: InstanceState) {
        let former = shown
        let hiddenUntil = staleUntil
        if staleUntil == nil { formerState = self.state }
        self.state = state
        updated = max(updated + 1, simulation.serviceMilliseconds)
        encoded = nil
        staleUntil = nil
        if launch != nil { goStale(showing: former, atMostUntil: hiddenUntil) }
        simulation.note("cloud", "instance", "\(id) \(state.rawValue)")
    }

    /// What listings hid before shows no later for it: they show the past up to `staleMax`, however often the state changes.
    private func goStale(showing former: [UInt8]?, atMostUntil limit: Deadline? = nil) {
        guard let share = simulation.faults.draw(.staleListing, job) else { return }
        stale = former
        let lag = share * settings.staleMax
        staleUntil = min(.after(.seconds(lag)), limit ?? .never)
        listing =
            StateListing(
                rawValue: Int(stableHash("\(id) \(state)".utf8, from: simulation.seed) % 3)
            ) ?? .asTheWhole
        unlistedUntil = .after(.seconds(min(lag, settings.unlistedMax)))
    }

    // MARK: - What is shown

    /// What a listing shows now; nil for nothing.
    var shown: [UInt8]? {
        if let staleUntil, !staleUntil.isPast { return stale }
        staleUntil = nil
        return current
    }

    /// What the listing of one state shows now; nil for nothing.
    func shown(inListOf name: String) -> [UInt8]? {
        let isOfState = state.rawValue == name
        guard let staleUntil, !staleUntil.isPast else { return isOfState ? shown : nil }
        let isOfFormer = stale != nil && formerState?.rawValue == name
        switch listing {
        case .asTheWhole: return isOfFormer ? stale : nil
        case .inNone: return isOfState && unlistedUntil?.isPast ?? true ? current : nil
        case .inBoth: return isOfState ? current : isOfFormer ? stale : nil
        }
    }

    /// Whether a listing state by state shows it now, in one of them at least.
    var isShownByState: Bool {
        guard let staleUntil, !staleUntil.isPast, listing == .inNone else { return isShown }
        return unlistedUntil?.isPast ?? true
    }

    private var current: [UInt8] {
        if let encoded { return encoded }
        let bytes = JSON.object(present: summary).encoded()
        encoded = bytes
        return bytes
    }

    /// Whether listings show it at all.
    var isShown: Bool { shown != nil }

    /// What the create was answered with.
    var wholeAsMade: JSON {
        let (present, moment) = (state, updated)
        defer { (state, updated) = (present, moment) }
        (state, updated) = (.creating, created)
        return whole
    }

    /// What a single answer shows.
    var whole: JSON {
        let container = JSON.strings([("containerId", containerID), ("displayName", displayName)])
        return .object(
            present: summary + [
                ("containers", .array([container])),
                ("vnics", .array([.strings([("vnicId", "\(id).vnic")])])),
                ("volumes", .array([])),
            ]
        )
    }

    var container: JSON {
        .object(present: [
            ("id", .string(containerID)), ("displayName", .string(displayName)),
            ("compartmentId", .string(settings.compartmentID)), ("containerInstanceId", .string(id)),
            ("lifecycleState", .string(containerState.rawValue)),
            ("lifecycleDetails", containerDetails.map { .string($0) }),
            ("exitCode", exitCode.map { .integer(Int64($0)) }),
            ("timeCreated", .string(rfc3339(created))), ("timeUpdated", .string(rfc3339(updated))),
            ("containerRestartAttemptCount", .integer(0)), ("imageUrl", .string(launch?.imageURL ?? "none")),
        ])
    }

    private var displayName: String { launch?.displayName ?? "scaler-stranger" }

    private var summary: [(String, JSON?)] {
        [
            ("id", .string(id)), ("displayName", .string(displayName)),
            ("compartmentId", .string(settings.compartmentID)),
            ("availabilityDomain", .string(launch?.availabilityDomain ?? settings.availabilityDomains[0])),
            ("faultDomain", .string("FAULT-DOMAIN-1")), ("lifecycleState", .string(state.rawValue)),
            ("lifecycleDetails", details.map { .string($0) }), ("containerCount", .integer(1)),
            ("timeCreated", .string(rfc3339(created))), ("timeUpdated", .string(rfc3339(updated))),
            ("shape", .string(launch?.shape ?? settings.shapes[0])),
            ("containerRestartPolicy", .string("NEVER")), ("freeformTags", .strings(tags)),
            ("definedTags", .object([])), ("systemTags", .object([])),
        ]
    }
}

extension String {
    fileprivate func replacingPrefix(_ prefix: String, by other: String) -> String {
        hasPrefix(prefix) ? other + dropFirst(prefix.count) : self
    }
}
