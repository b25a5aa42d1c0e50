// SPDX-License-Identifier: Apache-2.0
//
// What instances took of the cloud, as far as this process saw it.
//
// Rule: a container instance is billed by the second while it runs, and for one minute at least; one that has stopped costs
// nothing.
// Consequence: one counts from its creation until its deletion was accepted, or a listing shows that it is over or gone. The
// image's pull is counted, too: whether it is billed is not documented.
// Consequence: what a short life lacks to a minute is added at its end, and apart, so that both numbers can be had.

/// Processor and memory that instances had, over time.
package struct CloudUsage: Sendable, Equatable {
    /// OCPUs times the seconds of their instances.
    package var ocpuSeconds = 0.0
    /// Gigabytes of memory times the seconds of their instances.
    package var memoryGBSeconds = 0.0

    /// Nothing.
    package init() {}

    init(_ form: InstanceForm, for time: Duration) {
        let seconds = time / .seconds(1)
        (ocpuSeconds, memoryGBSeconds) = (form.ocpus * seconds, form.memoryGB * seconds)
    }

    static func += (left: inout CloudUsage, right: CloudUsage) {
        left.ocpuSeconds += right.ocpuSeconds
        left.memoryGBSeconds += right.memoryGBSeconds
    }
}

/// Counts what instances take, by shape, since the process began; pure, times are those of the ledger.
package struct UsageMeter: Sendable {
    /// What the instances of one shape took.
    package struct Reading: Sendable, Equatable {
        /// The shape; prices are by shape.
        package let shape: String
        /// While they were there.
        package var taken = CloudUsage()
        /// What those that ended within a minute are billed beyond that.
        package var minimum = CloudUsage()

        /// Nothing of a shape yet.
        package init(shape: String) { self.shape = shape }
    }

    private struct Life {
        let form: InstanceForm
        let begin: Duration
        /// Whether it began under this process; what an earlier one made it has counted.
        let isWhole: Bool
    }

    private static let billedMin: Duration = .seconds(60)

    private var running: [String: Life] = [:]
    private var over: [String: Reading] = [:]

    /// Nothing was taken yet.
    package init() {}

    /// An instance is there.
    package mutating func began(_ instance: ListedInstance, at now: Duration) {
        let begin = min(max(.zero, instance.createdAt), now)
        running[instance.id] = Life(form: instance.form, begin: begin, isWhole: instance.createdAt >= .zero)
    }

    /// One is not there any more, or takes nothing any more, since `now`; only the first time counts.
    package mutating func ended(_ id: String, at now: Duration) {
        guard let life = running.removeValue(forKey: id) else { return }
        let time = max(.zero, now - life.begin)
        var reading = over[life.form.shape] ?? Reading(shape: life.form.shape)
        reading.taken += CloudUsage(life.form, for: time)
        if life.isWhole { reading.minimum += CloudUsage(life.form, for: max(.zero, Self.billedMin - time)) }
        over[life.form.shape] = reading
    }

    /// What was taken until `now`, in the order of the shapes' names.
    package func readings(at now: Duration) -> [Reading] {
        var readings = over
        for life in running.values {
            readings[life.form.shape, default: Reading(shape: life.form.shape)].taken += CloudUsage(
                life.form,
                for: max(.zero, now - life.begin)
            )
        }
        return readings.values.sorted { $0.shape < $1.shape }
    }
}
