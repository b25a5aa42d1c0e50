// SPDX-License-Identifier: Apache-2.0

/// The instances of ours that are there, as far as is known, by what they do and by where they are.
package struct InstanceCensus: Sendable, Equatable {
    /// The instances of one form.
    package struct Group: Sendable, Equatable {
        /// Where they are, and how large each is.
        package let form: InstanceForm
        /// How many.
        package internal(set) var count = 0
    }

    /// How many are in each phase.
    package private(set) var byPhase: [InstancePhase: Int] = [:]
    /// Those that are not being deleted, by form: sorted by domain, shape and size.
    package private(set) var groups: [Group] = []

    /// Counts nothing yet.
    package init() {}

    /// Counts instances.
    package init(_ instances: some Sequence<(phase: InstancePhase, form: InstanceForm)>) {
        var counts: [InstanceForm: Int] = [:]
        for (phase, form) in instances {
            byPhase[phase, default: 0] += 1
            if !phase.isLeaving { counts[form, default: 0] += 1 }
        }
        groups = counts.map { Group(form: $0.key, count: $0.value) }.sorted { left, right in
            let (left, right) = (left.form, right.form)
            return (left.availabilityDomain, left.shape, left.ocpus, left.memoryGB)
                < (right.availabilityDomain, right.shape, right.ocpus, right.memoryGB)
        }
    }
}

extension CloudLedger {
    /// The instances that are there, as far as is known.
    ///
    /// One whose deletion was ordered or accepted counts as `deleting`, whatever a listing showed before.
    package var census: InstanceCensus {
        InstanceCensus(
            heldTasks.lazy.compactMap { records[$0] }.flatMap(\.instances).map { instance in
                (instance.deletion == .none ? instance.seen.phase : .deleting, instance.seen.form)
            }
        )
    }
}
