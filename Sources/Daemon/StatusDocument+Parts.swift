// SPDX-License-Identifier: Apache-2.0

internal import JSON
internal import OCIServices
internal import SchedulerLink
internal import TaskEngine

extension StatusCheck {
    /// As a member of `checks`.
    var json: JSON {
        .object(present: [
            ("name", .string(subject.rawValue)),
            ("manager", managerID.map { .string($0) }),
            ("good", .bool(isGood)),
            ("required", .bool(isRequired)),
            ("text", .string(text)),
        ])
    }
}

extension PlaceReport {
    /// As a member of `places`.
    var json: JSON {
        .object(present: [
            ("availability_domain", .string(placement.availabilityDomain)),
            ("shape", .string(placement.shape)),
            ("subnet", .string(placement.subnetID)),
            ("creates_under_way", .integer(Int64(underWayCount))),
            ("created", .integer(Int64(createdCount))),
            (
                "refused",
                StatusDocument.counts(
                    Placements.Fullness.allCases.map { ($0.rawValue, refusalCounts[$0] ?? 0) }
                )
            ),
            ("held_back_for", .array(full.map { .string($0.rawValue) })),
            ("next_probe_seconds", nextProbe.map { .real(StatusDocument.seconds($0)) }),
        ])
    }
}

extension RateReport {
    /// As a member of `rates`.
    var json: JSON {
        .object(present: [
            ("service", .string(service)),
            ("lane", .string(lane.rawValue)),
            ("per_second", .real((perSecond * 1000).rounded() / 1000)),
            ("waiting", .integer(Int64(waitingCount))),
            ("throttled", .integer(Int64(throttledCount))),
        ])
    }
}

extension InstanceForm {
    /// As the `place` of a task.
    func place(subnetID: String?) -> JSON {
        .object(present: members + [("subnet", subnetID.map { .string($0) })])
    }

    fileprivate var members: [(String, JSON?)] {
        [
            ("availability_domain", .string(availabilityDomain)),
            ("shape", .string(shape)),
            ("ocpus", .real(ocpus)),
            ("memory_gb", .real(memoryGB)),
        ]
    }
}

extension InstanceCensus {
    /// As `instances`.
    var json: JSON {
        let states = InstancePhase.allCases.dropLast().map { ($0.rawValue, byPhase[$0] ?? 0) }
        return .object(present: [
            ("states", StatusDocument.counts(states)),
            (
                "groups",
                .array(
                    groups.map { group in
                        .object(present: group.form.members + [("count", .integer(Int64(group.count)))])
                    }
                )
            ),
        ])
    }
}

extension UsageMeter.Reading {
    /// As a member of `usage`.
    var json: JSON {
        .object(present: [
            ("shape", .string(shape)),
            ("ocpu_seconds", .real(taken.ocpuSeconds)),
            ("memory_gb_seconds", .real(taken.memoryGBSeconds)),
            ("minimum_ocpu_seconds", .real(minimum.ocpuSeconds)),
            ("minimum_memory_gb_seconds", .real(minimum.memoryGBSeconds)),
        ])
    }
}

extension LinkReport {
    /// As `links`.
    func json(_ storage: StorageReport) -> JSON {
        .object(present: [
            ("heartbeat_gap_seconds", silence.map { .real(StatusDocument.seconds($0)) }),
            ("scheduler_connections", .integer(Int64(connectionCount))),
            ("retransmissions", .integer(Int64(retransmissionCount))),
            ("storage", storage.address.map { .string($0) }),
            ("storage_connections", .integer(Int64(storage.connectionCount))),
            ("storage_requests", .integer(Int64(storage.requestCount))),
        ])
    }
}
