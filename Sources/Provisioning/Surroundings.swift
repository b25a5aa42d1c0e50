// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import EventLoop
internal import OCIServices

/// Looks up what a user named: compartment, availability domains, subnets, shapes; each complaint names the remedy.
@LoopActor
struct Surroundings {
    let cloud: Cloud

    private var settings: Settings { cloud.settings }

    /// The compartment's name.
    func compartment() async throws(ProvisioningError) -> String {
        let id = settings.compartmentID
        let cloud = cloud
        let found = try await inCloud { () async throws(OCIError) in
            try await Identity(calls: cloud.calls, tenancyID: cloud.tenancyID)
                .compartment(id, deadline: cloud.deadline)
        }
        guard let found else {
            throw .unusable(
                Complaint(
                    "compartment \(id) cannot be used",
                    why: "it does not exist in this tenancy, or you may not see it",
                    remedy:
                        "check --compartment-id, or let an administrator allow 'Allow group <group> to inspect "
                        + "compartments in tenancy'"
                )
            )
        }
        guard found.lifecycleState == "ACTIVE" else {
            throw .unusable(
                Complaint(
                    "compartment \(found.name) cannot be used",
                    why: "it is \(found.lifecycleState)",
                    remedy: "give another --compartment-id"
                )
            )
        }
        return found.name
    }

    /// The full names of the availability domains.
    func availabilityDomains() async throws(ProvisioningError) -> [String] {
        let domains = AvailabilityDomains(calls: cloud.calls, compartmentID: settings.compartmentID)
        let deadline = cloud.deadline
        let known = try await inCloud { () async throws(OCIError) in try await domains.all(deadline: deadline)
        }
        var resolved: [String] = []
        for name in settings.availabilityDomains {
            let full = try await inCloud { () async throws(OCIError) in
                try await domains.resolve(name, deadline: deadline)
            }
            // A full name is taken as it is by `resolve`.
            guard known.contains(full) else { throw .cloud(.unknownAvailabilityDomain(name, known: known)) }
            resolved.append(full)
        }
        return resolved
    }

    /// Whether every subnet can take instances in these availability domains; returns their display names.
    func subnets(in domains: [String]) async throws(ProvisioningError) -> [String] {
        var names: [String] = []
        for id in settings.subnetIDs {
            let cloud = cloud
            let found = try await inCloud { () async throws(OCIError) in
                try await Subnet.find(id, calls: cloud.calls, deadline: cloud.deadline)
            }
            guard let subnet = found else {
                throw .unusable(
                    Complaint(
                        "subnet \(id) cannot be used",
                        why: "it does not exist in region \(settings.region), or you may not see it",
                        remedy:
                            "check --subnet-id and --oci-region, or let an administrator allow 'Allow group <group> "
                            + "to use virtual-network-family in compartment id \(settings.compartmentID)'"
                    )
                )
            }
            guard subnet.lifecycleState == "AVAILABLE" else {
                throw .unusable(
                    Complaint(
                        "subnet \(subnet.displayName) cannot be used",
                        why: "it is \(subnet.lifecycleState)",
                        remedy: "wait until it is AVAILABLE, or give another --subnet-id"
                    )
                )
            }
            if let own = subnet.availabilityDomain, !domains.contains(own) {
                throw .unusable(
                    Complaint(
                        "subnet \(subnet.displayName) does not fit the availability domain",
                        why:
                            "it belongs to \(own) alone, and the instances go to \(domains.joined(separator: ", "))",
                        remedy: "give --availability-domain \(own), or a regional subnet"
                    )
                )
            }
            names.append(subnet.displayName)
        }
        return names
    }

    /// Whether every shape exists in every availability domain, in the size that is asked for.
    func shapes(in domains: [String]) async throws(ProvisioningError) {
        let instances = ContainerInstances(calls: cloud.calls, compartmentID: settings.compartmentID)
        for domain in domains {
            let deadline = cloud.deadline
            let known = try await inCloud { () async throws(OCIError) in
                try await instances.shapes(availabilityDomain: domain, deadline: deadline)
            }
            for name in settings.instanceShapes {
                guard let shape = known.first(where: { $0.name == name }) else {
                    throw .unusable(
                        Complaint(
                            "shape \(name) cannot be used",
                            why: "\(domain) has \(known.map(\.name).joined(separator: ", "))",
                            remedy: "give another --instance-shape or --availability-domain"
                        )
                    )
                }
                if let misfit = shape.misfit(
                    ocpus: settings.instanceOCPUs,
                    memoryGB: settings.instanceMemoryGB
                ) {
                    throw .unusable(
                        Complaint(
                            "shape \(name) cannot have that size",
                            why: misfit,
                            remedy: "change --instance-ocpus or --instance-memory-gb"
                        )
                    )
                }
            }
        }
    }
}
