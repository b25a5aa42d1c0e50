// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import EventLoop
internal import OCIProfile
internal import OCIServices

/// Whether what the settings name exists, fits together, and may be used.
@LoopActor
final class ConnectivityChecks {
    private let cloud: Cloud
    private let lookup: ResourceLookup

    init(_ cloud: Cloud) {
        self.cloud = cloud
        lookup = ResourceLookup(cloud)
    }

    private var settings: Settings { cloud.settings }

    var checks: [Check] {
        let domain = Check.Need(check: "availability-domain", reason: "needs an availability domain")
        return [
            Check("namespace", run: checkNamespace).given("object-storage-namespace", in: settings),
            Check("compartment", passing: lookup.compartment).given("compartment-id", in: settings),
            Check("availability-domain", passing: lookup.availabilityDomains)
                .given("compartment-id", "availability-domain", in: settings),
            Check("subnet", passing: lookup.subnets).given("subnet-id", in: settings),
            Check("shape", needs: domain, passing: lookup.shapes),
            Check("instances", passing: instances).given("compartment-id", in: settings),
            Check("image", run: checkImage).given("compartment-id", "container-image", in: settings),
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

    private func instances() async throws(CommandError) -> String {
        let count = try await checking(
            "container instances cannot be listed",
            await cloud.instances.firstPageCount(deadline: cloud.deadline)
        )
        return "may be listed; \(count) on the first page"
    }

    private func checkImage() async throws(CommandError) -> CheckOutcome {
        let (name, image) = (settings.containerImage, ImageName(settings.containerImage))
        let standing = try await checking(
            "repositories cannot be listed",
            await image.standing(
                // A repository made by a first push is in the root compartment.
                in: [settings.compartmentID, cloud.tenancyID],
                namespace: cloud.namespace,
                region: cloud.access.region,
                calls: cloud.calls,
                deadline: cloud.deadline
            )
        )
        switch standing {
        case .otherRegistry:
            return .skipped(
                "\(image.registry) is no OCIR, so the lifecycle phase tells whether it can be pulled"
            )
        case .otherRegion(let here):
            return .failed(
                "the image is in another region",
                why: "its registry is \(image.registry), and the instances run in \(here)",
                remedy:
                    "push it to \(here).ocir.io with scaler-oci-hpc build-image and give that --container-image"
            )
        case .otherTenancy: return .skipped("it is in namespace \(image.namespace), another tenancy's")
        case .absent(let why): return unpulledImage(why: why)
        case .present(isPublic: true): return .passed("\(name), public")
        case .present(isPublic: false):
            if settings.imagePullSecretID != nil || settings.imagePullUsername != nil {
                return .passed("\(name), private, pulled with the secret that was given")
            }
            return .passed("\(name), private, pulled by the instances' right to read repos")
        }
    }

    private func unpulledImage(why: String) -> CheckOutcome {
        .failed(
            "image \(settings.containerImage) cannot be pulled",
            why: why,
            remedy: "run scaler-oci-hpc build-image, or give another --container-image"
        )
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
        for domain in lookup.domains {
            let available = try await checking(
                "limit \(limit.name) cannot be read",
                await limits.available(limit, availabilityDomain: domain, deadline: cloud.deadline)
            )
            sum += available ?? 0
            if !limit.isPerAvailabilityDomain { break }
        }
        return sum
    }
}

/// How much of a service limit the settings need; the names of limits are not documented, so their words are read.
struct LimitNeed: Sendable, Equatable {
    let limit: String
    /// What one instance takes.
    let perInstance: Int
    let concurrency: Int

    /// Nil for a limit of another shape, or one whose name does not say what it counts.
    init?(_ limit: ServiceLimit, _ settings: Settings) {
        let words = limit.name.lowercased().split { !$0.isLetter && !$0.isNumber }
        let shapes = settings.instanceShapes.flatMap { $0.lowercased().split(separator: ".") }
        // Families of shapes: e3, e4, a1, and what comes after them.
        let families = words.filter { word in
            word.count == 2 && word.first.map { "ae".contains($0) } == true && word.last?.isNumber == true
        }
        guard families.isEmpty || families.contains(where: shapes.contains) else { return nil }
        if words.contains(where: { ["core", "cores", "ocpu", "ocpus"].contains($0) }) {
            perInstance = Int(settings.instanceOCPUs.rounded(.up))
        } else if words.contains("memory") {
            perInstance = Int(settings.instanceMemoryGB.rounded(.up))
        } else if words.contains("count") || words.contains("instances") {
            perInstance = 1
        } else {
            return nil
        }
        self.limit = limit.name
        concurrency = settings.baseConcurrency
    }

    /// The diagnostic when `available` units are free; nil if that is enough.
    func diagnostic(available: Int) -> Diagnostic? {
        let (needed, isTooLarge) = perInstance.multipliedReportingOverflow(by: concurrency)
        if !isTooLarge, available >= needed { return nil }
        return Diagnostic(
            "service limit \(limit) leaves room for \(available / max(1, perInstance)) of \(concurrency) instances",
            why: "\(available) are free, and --base-concurrency \(concurrency) may need "
                + "\(isTooLarge ? "more" : "\(needed)"); stopped instances count until they are deleted",
            remedy: "lower --base-concurrency, name more availability domains, or request a limit increase"
        )
    }
}
