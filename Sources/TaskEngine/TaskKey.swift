// SPDX-License-Identifier: Apache-2.0

/// A task by its id in hexadecimal digits, as the tags of instances and the names of objects carry it.
///
/// The only key of everything that is known of the cloud; whoever holds the id's bytes encodes them once.
package struct TaskKey: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The digits, in lower case as a rule: what a tag says is taken as it is.
    package let digits: String

    /// The task with these digits.
    package init(_ digits: String) { self.digits = digits }

    package var description: String { digits }

    package static func < (left: TaskKey, right: TaskKey) -> Bool { left.digits < right.digits }
}

/// What an instance is doing, as far as anyone who waits for its task cares.
package enum InstancePhase: String, Sendable, CaseIterable {
    /// Not running yet. To any other.
    case creating
    /// Running, or on its way between two states. To any but `creating`.
    case running
    /// Nothing of it runs any more, and it still counts where the service counts. To `deleting`.
    case stopped
    /// The same, because the service could not make it or keep it. To `deleting`.
    case failed
    /// Being deleted, by us or by somebody else. To `deleted`.
    case deleting
    /// Gone; the service still shows a record of it. Final.
    case deleted

    /// Whether nothing of it runs any more.
    package var isOver: Bool { self == .stopped || self == .failed || self == .deleted }

    /// Whether it is deleted or about to be.
    package var isLeaving: Bool { self == .deleting || self == .deleted }
}

/// An instance as the service told of it in a listing, an answer to a create, or when it was asked for by name.
package struct ListedInstance: Hashable, Sendable {
    /// Its OCID.
    package let id: String
    /// The task that its tags name.
    package let task: TaskKey
    /// What it is doing.
    package let phase: InstancePhase
    /// The service's own word for that.
    package let state: String
    /// The service's explanation of the state, if it gave one.
    package let details: String?
    /// Since when it exists, on the ledger's clock.
    package let createdAt: Duration
    /// Since when it runs or has run, as far as its times tell; nil while it is being made.
    package let activeSince: Duration?
    /// The generation that its tags name, 0 where they name none.
    package let generation: Int
    /// Whether its container stores the result where this process looks for it: another key, or an earlier release, names
    /// results otherwise.
    package let isAdoptable: Bool
    /// Where it is, and how large.
    package let form: InstanceForm

    /// Puts the facts together.
    package init(
        id: String,
        task: TaskKey,
        phase: InstancePhase,
        state: String,
        details: String? = nil,
        createdAt: Duration,
        activeSince: Duration? = nil,
        generation: Int = 0,
        isAdoptable: Bool = true,
        form: InstanceForm = InstanceForm()
    ) {
        self.id = id
        self.task = task
        self.phase = phase
        self.state = state
        self.details = details
        self.createdAt = createdAt
        self.activeSince = activeSince
        self.generation = generation
        self.isAdoptable = isAdoptable
        self.form = form
    }

    /// Whether another look at the same instance showed no change; its times come out a little different each time.
    func shows(sameAs other: ListedInstance) -> Bool {
        phase == other.phase && state == other.state && details == other.details
    }
}

/// Where an instance is and how large, as far as the service says.
package struct InstanceForm: Hashable, Sendable {
    /// The full name of its availability domain, or empty.
    package let availabilityDomain: String
    /// The name of its shape, or empty.
    package let shape: String
    /// Its OCPUs, or 0.
    package let ocpus: Double
    /// Its memory, or 0.
    package let memoryGB: Double

    /// Puts the facts together.
    package init(
        availabilityDomain: String = "",
        shape: String = "",
        ocpus: Double = 0,
        memoryGB: Double = 0
    ) {
        self.availabilityDomain = availabilityDomain
        self.shape = shape
        self.ocpus = ocpus
        self.memoryGB = memoryGB
    }
}

/// An object in the bucket that belongs to a task.
package enum TaskObject: Hashable, Sendable {
    /// What its container stored; the task has one at most.
    case result(TaskKey)
    /// Its payload, or what else goes by its name alone; the name is the object's own, for there are two forms of a payload.
    case input(TaskKey, name: String)
    /// Empty; says that the task's result stays for a person to fetch.
    case mark(TaskKey)

    /// The task that it belongs to.
    package var task: TaskKey {
        switch self {
        case .result(let task), .input(let task, _), .mark(let task): task
        }
    }
}
