// SPDX-License-Identifier: Apache-2.0
//
// Numbers of what a manager has at OCI and how it asks for it, and of its links.
//
// Rule: the number of series is bounded, whatever an operator configures and whatever the cloud does.
// Consequence: where there are more than `groupsMax` places, forms or shapes, the last of them are one, called `other`.

internal import OCIServices
internal import SchedulerLink
internal import TaskEngine

extension Metrics {
    private typealias Labels = [(name: String, value: String)]

    /// So many places, forms and shapes of a manager have series of their own, with `other`.
    static let groupsMax = 6

    static func numbers(_ managers: [Metrics]) -> [MetricFamily] {
        rates(managers) + places(managers) + instances(managers) + usage(managers)
    }

    static func links(_ managers: [Metrics]) -> [MetricFamily] {
        [
            MetricFamily(
                .gauge,
                "scaler_oci_heartbeat_gap_seconds",
                "How long ago the scheduler last answered the manager's heartbeat.",
                samples(managers) { $0.links.silence.map { $0 / .seconds(1) } }
            ),
            family(
                .gauge,
                "scaler_oci_scheduler_connections",
                "Connections to the scheduler that stand.",
                managers
            ) { $0.links.connectionCount },
            family(
                .gauge,
                "scaler_oci_storage_connections",
                "Connections to Scaler's object storage that stand.",
                managers
            ) { $0.storage.connectionCount },
            family(
                .counter,
                "scaler_oci_retransmissions_total",
                "Messages to the scheduler that were sent again over a new connection.",
                managers
            ) { $0.links.retransmissionCount },
            MetricFamily(
                .gauge,
                "scaler_oci_last_good_call_seconds",
                "How long ago a call to OCI last succeeded.",
                samples(managers) { $0.cloud.silence.map { $0 / .seconds(1) } }
            ),
        ]
    }

    private static func samples(_ managers: [Metrics], _ value: (Metrics) -> Double?) -> [MetricFamily.Sample]
    {
        managers.compactMap { manager in
            value(manager).map { MetricFamily.Sample([("manager", manager.managerID)], $0) }
        }
    }

    private static func rates(_ managers: [Metrics]) -> [MetricFamily] {
        func samples(_ value: (RateReport) -> some CustomStringConvertible) -> [MetricFamily.Sample] {
            managers.flatMap { manager in
                manager.cloud.rates.map { rate in
                    MetricFamily.Sample(
                        [
                            ("manager", manager.managerID), ("service", rate.service),
                            ("lane", rate.lane.rawValue),
                        ],
                        value(rate)
                    )
                }
            }
        }
        return [
            MetricFamily(
                .gauge,
                "scaler_oci_rate_limit",
                "Requests a second that are sent at most at present.",
                samples(\.perSecond)
            ),
            MetricFamily(
                .gauge,
                "scaler_oci_requests_waiting",
                "Calls that wait for their turn.",
                samples(\.waitingCount)
            ),
            MetricFamily(
                .counter,
                "scaler_oci_throttled_total",
                "Requests that were answered with 429.",
                samples(\.throttledCount)
            ),
        ]
    }

    private static func places(_ managers: [Metrics]) -> [MetricFamily] {
        let groups = managers.flatMap { manager in
            grouped(manager.cloud.places) { place in
                labels(place.placement.availabilityDomain, place.placement.shape)
                    + [("subnet", place.placement.subnetID)]
            }.map { (labels: [("manager", manager.managerID)] + $0.labels, places: $0.members) }
        }
        let answers = groups.flatMap { labels, places in
            [("created", places.reduce(0) { $0 + $1.createdCount })].map { answer, count in
                MetricFamily.Sample(labels + [("answer", answer)], count)
            }
                + Placements.Fullness.allCases.map { fullness in
                    MetricFamily.Sample(
                        labels + [("answer", fullness.rawValue)],
                        places.reduce(0) { $0 + ($1.refusalCounts[fullness] ?? 0) }
                    )
                }
        }
        let heldBack = groups.map { labels, places in
            MetricFamily.Sample(labels, places.count { !$0.full.isEmpty })
        }
        return [
            MetricFamily(
                .counter,
                "scaler_oci_place_creates_total",
                "Creates by place and by what they were answered with.",
                answers
            ),
            MetricFamily(
                .gauge,
                "scaler_oci_place_held_back",
                "1 while a place refuses instances and is asked seldom.",
                heldBack
            ),
        ]
    }

    private static func instances(_ managers: [Metrics]) -> [MetricFamily] {
        let states = managers.flatMap { manager in
            InstancePhase.allCases.dropLast().map { phase in
                MetricFamily.Sample(
                    [("manager", manager.managerID), ("state", phase.rawValue)],
                    manager.cloud.census.byPhase[phase] ?? 0
                )
            }
        }
        let places = managers.flatMap { manager in
            grouped(manager.cloud.census.groups) { labels($0.form.availabilityDomain, $0.form.shape) }.map {
                MetricFamily.Sample(
                    [("manager", manager.managerID)] + $0.labels,
                    $0.members.reduce(0) { $0 + $1.count }
                )
            }
        }
        return [
            MetricFamily(
                .gauge,
                "scaler_oci_instances_by_state",
                "Container instances that are there, by state.",
                states
            ),
            MetricFamily(
                .gauge,
                "scaler_oci_instances_by_place",
                "Container instances that are not being deleted, by place.",
                places
            ),
        ]
    }

    private static func usage(_ managers: [Metrics]) -> [MetricFamily] {
        func samples(_ amount: (CloudUsage) -> Double) -> [MetricFamily.Sample] {
            managers.flatMap { manager in
                grouped(manager.cloud.usage) { [("shape", $0.shape)] }.flatMap { labels, readings in
                    [("taken", \UsageMeter.Reading.taken), ("minimum", \.minimum)].map { charge, part in
                        MetricFamily.Sample(
                            [("manager", manager.managerID)] + labels + [("charge", charge)],
                            readings.reduce(0) { $0 + amount($1[keyPath: part]) }
                        )
                    }
                }
            }
        }
        return [
            MetricFamily(
                .counter,
                "scaler_oci_ocpu_seconds_total",
                "OCPUs of instances times their seconds.",
                samples(\.ocpuSeconds)
            ),
            MetricFamily(
                .counter,
                "scaler_oci_memory_gigabyte_seconds_total",
                "Gigabytes of instances times their seconds.",
                samples(\.memoryGBSeconds)
            ),
        ]
    }

    private static func labels(_ availabilityDomain: String, _ shape: String) -> Labels {
        [("availability_domain", availabilityDomain), ("shape", shape)]
    }

    /// The members under each of the labels, `groupsMax` groups at most, in their order.
    private static func grouped<Member>(
        _ members: [Member],
        _ labels: (Member) -> Labels
    ) -> [(labels: Labels, members: [Member])] {
        var groups: [(labels: Labels, members: [Member])] = []
        for member in members {
            let own = labels(member)
            if let index = groups.firstIndex(where: { $0.labels.elementsEqual(own, by: ==) }) {
                groups[index].members.append(member)
            } else {
                groups.append((own, [member]))
            }
        }
        guard groups.count > groupsMax else { return groups }
        let rest = groups[(groupsMax - 1)...]
        let other = rest[rest.startIndex].labels.map { (name: $0.name, value: "other") }
        return groups.prefix(groupsMax - 1) + [(other, rest.flatMap(\.members))]
    }
}
