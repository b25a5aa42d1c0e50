// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import EventLoop
internal import OCIProfile
internal import OCIServices

/// Whether what the settings name exists, fits together, and may be used.
@LoopActor
final class ConnectivityChecks {
    private let cloud: Cloud
    private let settings: Settings
    private let lookup: ResourceLookup
    /// Full names of the availability domains, once they are known.
    private var domains: [String]?

    init(_ cloud: Cloud) {
        self.cloud = cloud
        settings = cloud.settings
        lookup = ResourceLookup(cloud: cloud)
    }

    var checks: [Check] {
        let domain = Check.Need(check: "availability-domain", reason: "needs an availability domain")
        return [
            Check("namespace", run: checkNamespace),
            Check("compartment", run: checkCompartment),
            Check("availability-domain", run: checkAvailabilityDomains),
            Check("subnet", run: checkSubnets),
            Check("shape", needs: domain, run: checkShapes),
            Check("instances", run: checkInstances),
            Check("image", run: checkImage),
            Check("limits", needs: domain, run: checkLimits),
        ]
    }

    private func checkNamespace() -> CheckOutcome {
        let own = cloud.namespace
        if settings.objectStorageNamespace == own { return .passed(own) }
        return .failed(
            "namespace \(settings.objectStorageNamespace) is another tenancy's",
            why: "the caller's own is \(own)",
            remedy: "give --object-storage-namespace \(own)"
        )
    }

    private func checkCompartment() async throws(CommandError) -> CheckOutcome {
        .passed(try await lookup.compartment())
    }

    private func checkAvailabilityDomains() async throws(CommandError) -> CheckOutcome {
        let names = try await lookup.availabilityDomains()
        domains = names
        return .passed(names.joined(separator: ", "))
    }

    private func checkSubnets() async throws(CommandError) -> CheckOutcome {
        // If the domains are unknown, a subnet that belongs to one domain is compared with the names of the settings.
        let names = try await lookup.subnets(in: domains ?? settings.availabilityDomains)
        return .passed(names.joined(separator: ", "))
    }

    private func checkShapes() async throws(CommandError) -> CheckOutcome {
        try await lookup.shapes(in: domains ?? [])
        return .passed(settings.instanceShapes.joined(separator: ", "))
    }

    private func checkInstances() async throws(CommandError) -> CheckOutcome {
        let page = try await checking(
            "container instances cannot be listed",
            await cloud.instances.list(deadline: cloud.deadline)
        )
        return .passed("may be listed; \(page.instances.count) on the first page")
    }

    private func checkImage() async throws(CommandError) -> CheckOutcome {
        let image = ImageName(settings.containerImage)
        guard let registryRegion = image.registryRegion else {
            return .skipped(
                "\(image.registry) is no OCIR, so the lifecycle phase tells whether it can be pulled"
            )
        }
        let region = Region.resolve(registryRegion)
        if let wanted = region.identifier, let here = cloud.access.region.identifier, wanted != here {
            return .failed(
                "the image is in another region",
                why: "its registry is \(image.registry), and the instances run in \(here)",
                remedy:
                    "push it to \(here).ocir.io with scaler-oci-hpc build-image and give that --container-image"
            )
        }
        guard image.namespace == cloud.namespace else {
            return .skipped("it is in namespace \(image.namespace), another tenancy's")
        }
        return try await checkRepository(of: image)
    }

    private func checkRepository(of image: ImageName) async throws(CommandError) -> CheckOutcome {
        let name = settings.containerImage
        let content = try await checking("repositories cannot be listed", await content(of: image.repository))
        guard let (repository, images) = content else {
            let why = "there is no repository \(image.repository) in this region, or you may not read it"
            return unpulledImage(why: why)
        }
        guard images.contains(where: image.isNamed) else {
            let versions = images.compactMap(\.version)
            let content = versions.isEmpty ? "is empty" : "has \(versions.joined(separator: ", ")) only"
            return unpulledImage(why: "repository \(image.repository) \(content)")
        }
        if repository.isPublic { return .passed("\(name), public") }
        if settings.imagePullSecretID != nil || settings.imagePullUsername != nil {
            return .passed("\(name), private, pulled with the secret that was given")
        }
        return .passed("\(name), private, pulled by the instances' right to read repos")
    }

    private func unpulledImage(why: String) -> CheckOutcome {
        .failed(
            "image \(settings.containerImage) cannot be pulled",
            why: why,
            remedy: "run scaler-oci-hpc build-image, or give another --container-image"
        )
    }

    private func content(
        of name: String
    ) async throws(OCIError) -> (repository: ContainerRepository, images: [ContainerImage])? {
        // A repository made by a first push is in the root compartment.
        for compartmentID in [settings.compartmentID, cloud.tenancyID] {
            let repositories = ContainerRepositories(calls: cloud.calls, compartmentID: compartmentID)
            if let repository = try await repositories.find(name, deadline: cloud.deadline) {
                return (repository, try await repositories.images(in: name, deadline: cloud.deadline))
            }
        }
        return nil
    }

    private func checkLimits() async throws(CommandError) -> CheckOutcome {
        let limits = ServiceLimits(calls: cloud.calls, tenancyID: cloud.tenancyID)
        let known: [ServiceLimit]
        do throws(OCIError) {
            known = try await limits.all(deadline: cloud.deadline)
        } catch .cancelled {
            throw .cancelled
        } catch {
            return .skipped("they cannot be read: \(error)")
        }
        var seen: [String] = []
        for limit in known {
            guard let need = LimitNeed(limit, settings) else { continue }
            let available = try await available(limit, limits)
            seen.append("\(limit.name) \(available) free")
            if let diagnostic = need.diagnostic(available: available) {
                return available < need.perInstance ? .failed(diagnostic) : .warned(diagnostic)
            }
        }
        if seen.isEmpty { return .skipped("the tenancy shows none for container instances") }
        return .passed(seen.joined(separator: ", "))
    }

    private func available(_ limit: ServiceLimit, _ limits: ServiceLimits) async throws(CommandError) -> Int {
        var sum = 0
        for domain in domains ?? [] {
            sum +=
                try await checking(
                    "limit \(limit.name) cannot be read",
                    await limits.available(limit, availabilityDomain: domain, deadline: cloud.deadline)
                ) ?? 0
            if !limit.isPerAvailabilityDomain { break }
        }
        return sum
    }
}
