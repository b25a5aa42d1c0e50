// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import EventLoop
internal import OCIProfile
internal import OCIServices

/// Whether what the settings name exists, fits together, and may be used.
@LoopActor
struct ConnectivityChecks {
    private let run: CheckRun
    private let cloud: Cloud

    init(_ run: CheckRun, _ cloud: Cloud) {
        self.run = run
        self.cloud = cloud
    }

    private var settings: Settings { cloud.settings }

    func perform() async throws(ProvisioningError) {
        let surroundings = Surroundings(cloud: cloud)
        let settings = settings
        try await run.check("namespace", .connectivity) { () async throws(CheckFault) in
            guard settings.objectStorageNamespace == cloud.namespace else {
                throw .failed(
                    Complaint(
                        "namespace \(settings.objectStorageNamespace) is another tenancy's",
                        why: "the caller's own is \(cloud.namespace)",
                        remedy: "give --object-storage-namespace \(cloud.namespace)"
                    )
                )
            }
            return cloud.namespace
        }
        try await run.check("compartment", .connectivity) { () async throws(CheckFault) in
            try await usable { () async throws(ProvisioningError) in try await surroundings.compartment() }
        }
        let domains = try await run.check("availability-domain", .connectivity) {
            () async throws(CheckFault) -> (seen: String, value: [String]) in
            let names = try await usable { () async throws(ProvisioningError) in
                try await surroundings.availabilityDomains()
            }
            return (names.joined(separator: ", "), names)
        }
        try await run.check("subnet", .connectivity) { () async throws(CheckFault) in
            // With no domain to hold it against, one that is bound to a domain is taken as it is.
            let own = domains ?? settings.availabilityDomains
            return try await usable { () async throws(ProvisioningError) in
                try await surroundings.subnets(in: own).joined(separator: ", ")
            }
        }
        try await run.check("shape", .connectivity) { () async throws(CheckFault) in
            guard let domains else { throw .skipped("needs an availability domain") }
            try await usable { () async throws(ProvisioningError) in
                try await surroundings.shapes(in: domains)
            }
            return settings.instanceShapes.joined(separator: ", ")
        }
        try await run.check("instances", .connectivity) { () async throws(CheckFault) in
            let instances = ContainerInstances(calls: cloud.calls, compartmentID: settings.compartmentID)
            let page = try await checking("container instances cannot be listed") {
                () async throws(OCIError) in
                try await instances.list(deadline: cloud.deadline)
            }
            return "may be listed; \(page.instances.count) on the first page"
        }
        try await run.check("image", .connectivity) { () async throws(CheckFault) in try await image() }
        try await run.check("limits", .connectivity) { () async throws(CheckFault) in
            guard let domains else { throw .skipped("needs an availability domain") }
            return try await limits(domains)
        }
    }

    private func usable<Value: Sendable>(
        _ body: @LoopActor () async throws(ProvisioningError) -> Value
    ) async throws(CheckFault) -> Value {
        do throws(ProvisioningError) {
            return try await body()
        } catch {
            throw CheckFault("what the settings name cannot be looked up", error)
        }
    }

    // MARK: - Image

    private func image() async throws(CheckFault) -> String {
        let image = ImageName(settings.containerImage)
        guard let registryRegion = image.registryRegion else {
            throw .skipped(
                "\(image.registry) is no OCIR, so the lifecycle phase tells whether it can be pulled"
            )
        }
        let region = Region.resolve(registryRegion)
        if let wanted = region.identifier, let here = cloud.access.region.identifier, wanted != here {
            throw .failed(
                Complaint(
                    "the image is in another region",
                    why: "its registry is \(image.registry), and the instances run in \(here)",
                    remedy:
                        "push it to \(here).ocir.io with scaler-oci-hpc build-image and give that --container-image"
                )
            )
        }
        guard image.namespace == cloud.namespace else {
            throw .skipped("it is in namespace \(image.namespace), another tenancy's")
        }
        return try await imageInRepository(image)
    }

    private func imageInRepository(_ image: ImageName) async throws(CheckFault) -> String {
        let here = ContainerRepositories(calls: cloud.calls, compartmentID: settings.compartmentID)
        // A repository made by a first push is in the root compartment.
        let root = ContainerRepositories(calls: cloud.calls, compartmentID: cloud.tenancyID)
        let cloud = cloud
        let what = "image \(settings.containerImage) cannot be pulled"
        let found = try await checking("repositories cannot be listed") {
            () async throws(OCIError) -> (ContainerRepository, [ContainerImage])? in
            if let repository = try await here.find(image.repository, deadline: cloud.deadline) {
                return (repository, try await here.images(in: image.repository, deadline: cloud.deadline))
            }
            if let repository = try await root.find(image.repository, deadline: cloud.deadline) {
                return (repository, try await root.images(in: image.repository, deadline: cloud.deadline))
            }
            return nil
        }
        guard let (repository, images) = found else {
            throw .failed(
                Complaint(
                    what,
                    why: "there is no repository \(image.repository) in this region, or you may not read it",
                    remedy: "run scaler-oci-hpc build-image, or give another --container-image"
                )
            )
        }
        guard images.contains(where: image.isNamed) else {
            let versions = images.compactMap(\.version)
            throw .failed(
                Complaint(
                    what,
                    why: versions.isEmpty
                        ? "repository \(image.repository) is empty"
                        : "repository \(image.repository) has \(versions.joined(separator: ", ")) only",
                    remedy: "run scaler-oci-hpc build-image, or give another --container-image"
                )
            )
        }
        if repository.isPublic { return "\(settings.containerImage), public" }
        if settings.imagePullSecretID != nil || settings.imagePullUsername != nil {
            return "\(settings.containerImage), private, pulled with the secret that was given"
        }
        return "\(settings.containerImage), private, pulled by the instances' right to read repos"
    }

    // MARK: - Limits

    private func limits(_ domains: [String]) async throws(CheckFault) -> String {
        let limits = ServiceLimits(calls: cloud.calls, tenancyID: cloud.tenancyID)
        let cloud = cloud
        let known: [ServiceLimit]
        do throws(OCIError) {
            known = try await limits.all(deadline: cloud.deadline)
        } catch .cancelled {
            throw .cancelled
        } catch {
            throw .skipped("they cannot be read: \(error)")
        }
        var seen: [String] = []
        for limit in known {
            guard let need = LimitNeed(limit, settings) else { continue }
            var available = 0
            for domain in domains {
                available += try await checking("limit \(limit.name) cannot be read") {
                    () async throws(OCIError) in
                    try await limits.available(limit, availabilityDomain: domain, deadline: cloud.deadline)
                        ?? 0
                }
                if !limit.isPerAvailabilityDomain { break }
            }
            seen.append("\(limit.name) \(available) free")
            if let complaint = need.complaint(available: available) {
                throw available < need.perInstance ? .failed(complaint) : .warned(complaint)
            }
        }
        if seen.isEmpty { throw .skipped("the tenancy shows none for container instances") }
        return seen.joined(separator: ", ")
    }
}

/// The parts of an image's name.
struct ImageName: Sendable, Equatable {
    /// Host of the registry.
    let registry: String
    /// What follows the host: in OCIR the tenancy's namespace.
    let namespace: String
    /// The rest without tag and digest.
    let repository: String
    /// `latest` when neither tag nor digest is given.
    let tag: String?
    let digest: String?

    /// Takes a name apart.
    init(_ text: String) {
        let (name, digest) = Self.cut(text, at: "@")
        let parts = name.split(separator: "/", maxSplits: 2).map(String.init)
        let (repository, tag) = Self.cut(parts.count == 3 ? parts[2] : "", at: ":")
        registry = parts.first ?? ""
        namespace = parts.count > 1 ? parts[1] : ""
        self.repository = repository
        self.digest = digest
        self.tag = digest == nil ? tag ?? "latest" : tag
    }

    /// The region in the host's name, an identifier or a short code; nil if it is no OCIR.
    var registryRegion: String? {
        let labels = registry.split(separator: ".")
        if labels.count == 3, labels[1] == "ocir", labels[2] == "io" { return String(labels[0]) }
        if labels.count > 3, labels[0] == "ocir", labels[2] == "oci" { return String(labels[1]) }
        return nil
    }

    /// Whether an image of the repository is the one named.
    func isNamed(_ image: ContainerImage) -> Bool {
        digest.map { $0 == image.digest } ?? (tag == image.version)
    }

    private static func cut(_ text: String, at mark: Character) -> (String, String?) {
        guard let index = text.firstIndex(of: mark) else { return (text, nil) }
        return (String(text[..<index]), String(text[text.index(after: index)...]))
    }
}

/// How much of a service limit the settings need; the names of limits are not documented, so their words are read.
struct LimitNeed: Sendable, Equatable {
    let limit: String
    /// What one instance takes.
    let perInstance: Int
    let concurrency: Int

    /// Nil for a limit of another shape, or one that nobody can tell what it counts.
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

    /// What to say when so much is free; nil if it is enough.
    func complaint(available: Int) -> Complaint? {
        let (needed, isTooLarge) = perInstance.multipliedReportingOverflow(by: concurrency)
        if !isTooLarge, available >= needed { return nil }
        return Complaint(
            "service limit \(limit) leaves room for \(available / max(1, perInstance)) of \(concurrency) instances",
            why:
                "\(available) are free, and --base-concurrency \(concurrency) may need \(isTooLarge ? "more" : "\(needed)"); "
                + "stopped instances count until they are deleted",
            remedy: "lower --base-concurrency, name more availability domains, or request a limit increase"
        )
    }
}
