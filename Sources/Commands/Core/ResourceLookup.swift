// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import EventLoop
internal import OCIServices

/// Returns what was seen, in words.
typealias Lookup = @LoopActor () async throws(CommandError) -> String

/// Looks up what a user named: compartment, availability domains, subnets, shapes; each diagnostic names the remedy.
@LoopActor
final class ResourceLookup {
    private let cloud: Cloud
    /// Full names of the availability domains once they were looked up, before that what the settings say.
    private(set) var domains: [String]

    init(_ cloud: Cloud) {
        self.cloud = cloud
        domains = cloud.settings.availabilityDomains
    }

    private var settings: Settings { cloud.settings }

    func compartment() async throws(CommandError) -> String {
        let id = settings.compartmentID
        let found = try await inCloud(await cloud.identity.compartment(id, deadline: cloud.deadline))
        guard let found else {
            throw .unusable(
                "compartment \(id) cannot be used",
                why: "it does not exist in this tenancy, or you may not see it",
                remedy: "check --compartment-id, or let an administrator allow 'Allow group <group> to "
                    + "inspect compartments in tenancy'"
            )
        }
        guard found.lifecycleState == "ACTIVE" else {
            throw .unusable(
                "compartment \(found.name) cannot be used",
                why: "it is \(found.lifecycleState)",
                remedy: "give another --compartment-id"
            )
        }
        return found.name
    }

    func availabilityDomains() async throws(CommandError) -> String {
        let service = AvailabilityDomains(calls: cloud.calls, compartmentID: settings.compartmentID)
        let deadline = cloud.deadline
        let known = try await inCloud(await service.all(deadline: deadline))
        var resolved: [String] = []
        for name in settings.availabilityDomains {
            let full = try await inCloud(await service.resolve(name, deadline: deadline))
            // A full name is taken as it is by `resolve`.
            guard known.contains(full) else { throw .cloud(.unknownAvailabilityDomain(name, known: known)) }
            resolved.append(full)
        }
        domains = resolved
        return resolved.joined(separator: ", ")
    }

    /// Whether every subnet can take instances in the availability domains; returns their display names.
    func subnets() async throws(CommandError) -> String {
        var names: [String] = []
        for id in settings.subnetIDs {
            let found = try await inCloud(await Subnet.find(id, calls: cloud.calls, deadline: cloud.deadline))
            guard let subnet = found else {
                throw .unusable(
                    "subnet \(id) cannot be used",
                    why: "it does not exist in region \(settings.region), or you may not see it",
                    remedy: "check --subnet-id and --oci-region, or let an administrator allow 'Allow group "
                        + "<group> to use virtual-network-family in compartment id \(settings.compartmentID)'"
                )
            }
            guard subnet.lifecycleState == "AVAILABLE" else {
                throw .unusable(
                    "subnet \(subnet.displayName) cannot be used",
                    why: "it is \(subnet.lifecycleState)",
                    remedy: "wait until it is AVAILABLE, or give another --subnet-id"
                )
            }
            if let own = subnet.availabilityDomain, !domains.isEmpty, !domains.contains(own) {
                throw .unusable(
                    "subnet \(subnet.displayName) does not fit the availability domain",
                    why:
                        "it belongs to \(own) alone, and the instances go to \(domains.joined(separator: ", "))",
                    remedy: "give --availability-domain \(own), or a regional subnet"
                )
            }
            names.append(subnet.displayName)
        }
        return names.joined(separator: ", ")
    }

    /// Whether every shape exists in every availability domain, in the size that is asked for.
    func shapes() async throws(CommandError) -> String {
        for domain in domains {
            let known = try await inCloud(
                await cloud.instances.shapes(availabilityDomain: domain, deadline: cloud.deadline)
            )
            for name in settings.instanceShapes {
                guard let shape = known.first(where: { $0.name == name }) else {
                    throw .unusable(
                        "shape \(name) cannot be used",
                        why: "\(domain) has \(known.map(\.name).joined(separator: ", "))",
                        remedy: "give another --instance-shape or --availability-domain"
                    )
                }
                let (ocpus, memoryGB) = (settings.instanceOCPUs, settings.instanceMemoryGB)
                if let misfit = shape.misfit(ocpus: ocpus, memoryGB: memoryGB) {
                    throw .unusable(
                        "shape \(name) cannot have that size",
                        why: misfit,
                        remedy: "change --instance-ocpus or --instance-memory-gb"
                    )
                }
            }
        }
        return settings.instanceShapes.joined(separator: ", ")
    }
}
