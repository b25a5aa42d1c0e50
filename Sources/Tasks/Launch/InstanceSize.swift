// SPDX-License-Identifier: Apache-2.0
//
// A task may ask for a larger or smaller instance than the settings give.
//
// Rule: the only thing that a client can say of a task's needs is its capabilities, names with amounts; a scheduler
// gives a task to any worker that offers the names, and hands the amounts on.
// Consequence: `ocpus` and `memory_gb` are names of ours. A manager that offers them without an amount
// (`--per-worker-capabilities ocpus,memory_gb`) offers any size, whatever amount a scheduler asks for. One that offers
// an amount (`ocpus=4`) has instances of that size, as the configuration sees to.
// Consequence: up to Scaler 2.9.0 the amounts get lost between scheduler and worker, so each size needs a manager, and a
// capability name, of its own until that is corrected; the documentation (Operating) says how.

internal import Configuration
internal import EventLoop
internal import OCIServices
internal import SchedulerMessages

struct InstanceSize: Hashable, Sendable {
    static let ocpusName = "ocpus"
    static let memoryName = "memory_gb"

    let ocpus: Double
    let memoryGB: Double

    /// What the settings give and the task does not ask otherwise; an amount below 1 asks for nothing.
    init(_ settings: Settings, asked: [SchedulerMessages.Capability]) {
        func amount(_ name: String) -> Double? {
            asked.last { $0.name == name && $0.value >= 1 }.map { Double($0.value) }
        }
        ocpus = amount(Self.ocpusName) ?? settings.instanceOCPUs
        memoryGB = amount(Self.memoryName) ?? settings.instanceMemoryGB
    }
}

/// The shapes' own limits, asked for once and only if a task wants a size of its own.
@LoopActor
final class ShapeLimits {
    private let settings: Settings
    private let instances: ContainerInstances
    private var known: [InstanceShape]?

    init(settings: Settings, instances: ContainerInstances) {
        self.settings = settings
        self.instances = instances
    }

    /// Why the instances cannot have the size that was set, as `misfit(of:)`; nil also where none was.
    func misfitOfSettings() async -> String? {
        let chosen = ["instance-ocpus", "instance-memory-gb", "instance-shape"]
        guard chosen.contains(where: { settings.origins[$0] != nil }) else { return nil }
        return await knownMisfit(of: InstanceSize(settings, asked: []))
    }

    /// Why an instance of a task cannot have this size, in words; nil if it can, or if the service will have to say.
    func misfit(of size: InstanceSize) async -> String? {
        size == InstanceSize(settings, asked: []) ? nil : await knownMisfit(of: size)
    }

    private func knownMisfit(of size: InstanceSize) async -> String? {
        let shapes = await shapes()
        // Any of them may turn out to be the one with room.
        for name in settings.instanceShapes {
            let shape = shapes.first { $0.name == name }
            if let misfit = shape?.misfit(ocpus: size.ocpus, memoryGB: size.memoryGB) { return misfit }
        }
        return nil
    }

    private func shapes() async -> [InstanceShape] {
        if let known { return known }
        let shapes = try? await instances.shapes(
            availabilityDomain: settings.availabilityDomains.first,
            deadline: .after(.seconds(60))
        )
        known = shapes
        return shapes ?? []
    }
}
