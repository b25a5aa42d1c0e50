// SPDX-License-Identifier: Apache-2.0
//
// Making what tasks need, in an order in which every step finds what it needs, and so that it can be repeated.
//
// Rule: a run may end anywhere, by a refusal, a lost connection or Ctrl-C, and be made again by somebody with other
// rights. IAM takes its changes in the tenancy's home region only, and the other services learn of them some seconds
// to minutes later.
// Consequence: every step first looks what is there, and only makes or mends what is not as wanted; what the steps are
// going to make is saved before the first of them, so that cleanup knows; a refusal that may only mean "not yet" is
// sat out, but only after a change to IAM in the same run.
// Rejected: creating first and reading the conflict, as Scaler's provisioner does. It cannot tell a bucket of its own
// from somebody else's, and never mends a policy.

internal import Configuration
internal import EventLoop
internal import JSON
internal import OCIServices
internal import Transport

/// One run of provision.
@LoopActor
final class Provisioner {
    private static let stepCount = 12
    private static let lifecycleDays = 7
    private static let lifecycleRule = "cleanup-old-tasks"

    private let order: ProvisionOrder
    private let cloud: Cloud
    private let console: Console
    private let steps: Steps
    private var settings: Settings
    private var names: ProvisionedNames
    /// When IAM was last changed by this run.
    private var permissionsChanged: Deadline?
    private var changeCount = 0
    private var madeSoFar: [String] = []
    private var doesBucketBelongToUs = false

    init(_ order: ProvisionOrder, _ cloud: Cloud, _ console: Console) {
        self.order = order
        self.cloud = cloud
        self.console = console
        settings = order.settings
        settings.objectStorageNamespace = cloud.namespace
        names = ProvisionedNames(
            prefix: order.prefix,
            namespace: cloud.namespace,
            region: cloud.regionName,
            bucket: settings.objectStorageBucket.isEmpty ? nil : settings.objectStorageBucket
        )
        steps = Steps(console, count: Self.stepCount)
    }

    /// Goes through all steps.
    func run() async throws(ProvisioningError) {
        do throws(ProvisioningError) {
            let home = try await lookAround()
            try save()
            try await provide(home: home)
            try writeFiles()
        } catch {
            tellWhatExists(after: error)
            throw error
        }
        if order.isDryRun {
            console.say("dry run: nothing was changed")
        } else if changeCount == 0 {
            console.say("everything was there already; nothing was changed")
        } else {
            console.say("done: \(madeSoFar.joined(separator: ", "))")
        }
        if !order.isDryRun { sayWhatNext() }
    }

    // MARK: - What is there

    /// Returns the short code of the home region.
    private func lookAround() async throws(ProvisioningError) -> String {
        let surroundings = Surroundings(cloud: cloud)
        steps.settle("credentials", "accepted; namespace \(cloud.namespace)")
        steps.begin("tenancy")
        let cloud = cloud
        let tenancy = try await inCloud { () async throws(OCIError) in
            try await Identity(calls: cloud.calls, tenancyID: cloud.tenancyID).tenancy(
                deadline: cloud.deadline
            )
        }
        steps.settle("tenancy", "\(tenancy.name), home region \(tenancy.homeRegionKey)")
        steps.begin("compartment")
        steps.settle("compartment", try await surroundings.compartment())
        steps.begin("availability domain")
        settings.availabilityDomains = try await surroundings.availabilityDomains()
        steps.settle("availability domain", settings.availabilityDomains.joined(separator: ", "))
        steps.begin("subnet")
        let subnets = try await surroundings.subnets(in: settings.availabilityDomains)
        steps.settle("subnet", subnets.joined(separator: ", "))
        steps.begin("shape")
        try await surroundings.shapes(in: settings.availabilityDomains)
        steps.settle("shape", settings.instanceShapes.joined(separator: ", "))
        if settings.containerImage.isEmpty {
            settings.containerImage = names.image(
                registry: "\(cloud.regionName).ocir.io",
                namespace: cloud.namespace
            )
        }
        return tenancy.homeRegionKey
    }

    // MARK: - What is made

    private func provide(home homeKey: String) async throws(ProvisioningError) {
        let home = try await cloud.home(regionKey: homeKey)
        let identity = Identity(calls: home, tenancyID: cloud.tenancyID)
        try await provideBucket()
        try await provideDynamicGroup(identity, home)
        try await providePolicy(identity, home)
        try await provideRepository()
        try await provideLifecycleRule()
    }

    private func provideBucket() async throws(ProvisioningError) {
        let title = "bucket \(names.bucket)"
        steps.begin(title)
        let (cloud, names) = (cloud, names)
        let found = try await inCloud { () async throws(OCIError) in
            try await self.buckets.find(names.bucket, deadline: cloud.deadline)
        }
        guard let found else {
            doesBucketBelongToUs = true
            return try await make(title, buckets.creation(of: names.bucket, tags: tags), by: cloud.calls)
        }
        switch Provenance(tags: found.freeformTags, compartmentID: settings.compartmentID) {
        case .ours:
            doesBucketBelongToUs = true
            steps.settle(title, "exists")
        case .foreign:
            steps.settle(title, "exists; provision did not make it and cleanup will leave it")
        case .anotherCompartment(let other):
            throw .unusable(belongsElsewhere("bucket \(names.bucket)", other))
        }
    }

    private func provideDynamicGroup(
        _ identity: Identity,
        _ home: ServiceCalls
    ) async throws(ProvisioningError) {
        let title = "dynamic group \(names.dynamicGroup)"
        steps.begin(title)
        let rule = PolicyStatements.matchingRule(compartmentID: settings.compartmentID)
        let (cloud, name) = (cloud, names.dynamicGroup)
        let found = try await inCloud { () async throws(OCIError) in
            try await identity.dynamicGroup(name, deadline: cloud.deadline)
        }
        guard let found else {
            let request = identity.dynamicGroupCreation(
                of: name,
                matchingRule: rule,
                description: "Container instances that run Scaler tasks",
                tags: tags
            )
            try await make(title, request, by: home, changesPermissions: true)
            return
        }
        if found.matchingRule == rule { return steps.settle(title, "exists") }
        try checkOurs(title, found.freeformTags)
        let change = identity.dynamicGroupChange(of: found.id, matchingRule: rule)
        try await make(title, change, by: home, verb: "changed", changesPermissions: true)
    }

    private func providePolicy(_ identity: Identity, _ home: ServiceCalls) async throws(ProvisioningError) {
        let title = "policy \(names.policy)"
        steps.begin(title)
        let statements = PolicyStatements.all(
            names: names,
            compartmentID: settings.compartmentID,
            region: cloud.regionName,
            launchers: try await launchers()
        )
        let (cloud, name, compartmentID) = (cloud, names.policy, settings.compartmentID)
        let found = try await inCloud { () async throws(OCIError) in
            try await identity.policy(name, in: compartmentID, deadline: cloud.deadline)
        }
        defer { for statement in statements { console.say("        \(statement)") } }
        guard let found else {
            let request = identity.policyCreation(
                of: name,
                in: compartmentID,
                statements: statements,
                description: "What Scaler tasks on container instances need",
                tags: tags
            )
            return try await make(title, request, by: home, changesPermissions: true)
        }
        if found.statements == statements { return steps.settle(title, "exists") }
        try checkOurs(title, found.freeformTags)
        let change = identity.policyChange(of: found.id, statements: statements)
        try await make(title, change, by: home, verb: "changed", changesPermissions: true)
    }

    private func provideRepository() async throws(ProvisioningError) {
        let title = "repository \(names.repository)"
        steps.begin(title)
        let repositories = ContainerRepositories(calls: cloud.calls, compartmentID: settings.compartmentID)
        let (cloud, name) = (cloud, names.repository)
        let found = try await inCloud { () async throws(OCIError) in
            try await repositories.find(name, deadline: cloud.deadline)
        }
        if found != nil { return steps.settle(title, "exists") }
        try await make(title, repositories.creation(of: name, tags: tags), by: cloud.calls)
    }

    /// The rule comes last: the service accepts it only once the policy lets the service itself delete objects.
    private func provideLifecycleRule() async throws(ProvisioningError) {
        let title = "lifecycle rule \(Self.lifecycleRule)"
        steps.begin(title)
        let wanted = LifecycleRule(
            name: Self.lifecycleRule,
            deletesAfterDays: Self.lifecycleDays,
            prefix: settings.objectStoragePrefix + "/"
        )
        let (cloud, bucket) = (cloud, names.bucket)
        let isNew = order.isDryRun && doesBucketBelongToUs
        let rules = try await inCloud { () async throws(OCIError) in
            do throws(OCIError) {
                return try await self.buckets.lifecycle(of: bucket, deadline: cloud.deadline)
            } catch .service(let failure) where isNew && failure.code == "BucketNotFound" {
                return []
            }
        }
        if rules.contains(wanted) {
            return steps.settle(title, "exists; task objects live \(Self.lifecycleDays) days")
        }
        guard doesBucketBelongToUs else {
            return steps.settle(
                title,
                "left out: the bucket is not ours; a rule that deletes '\(settings.objectStoragePrefix)/' after "
                    + "\(Self.lifecycleDays) days keeps it small"
            )
        }
        let others = rules.filter { $0.name != Self.lifecycleRule }
        try await make(
            title,
            buckets.lifecycleChange(of: bucket, to: others + [wanted]),
            by: cloud.calls,
            verb: rules.isEmpty ? "created" : "changed"
        )
    }

    // MARK: - Making

    private var buckets: Buckets {
        Buckets(calls: cloud.calls, namespace: cloud.namespace, compartmentID: settings.compartmentID)
    }

    private var tags: [(String, String)] {
        Provenance.tags(
            compartmentID: settings.compartmentID,
            own: settings.freeformTags.map { ($0.key, $0.value) }
        )
    }

    /// Sends a change, or shows it in a dry run.
    private func make(
        _ title: String,
        _ request: ServiceRequest,
        by calls: ServiceCalls,
        verb: String = "created",
        changesPermissions: Bool = false
    ) async throws(ProvisioningError) {
        if order.isDryRun {
            console.put("\(request.method) \(calls.url(of: request))")
            if case .json(let body) = request.body { console.put(body.pretty) }
            return steps.settle(title, "would be \(verb)")
        }
        try await send(request, by: calls)
        if changesPermissions { permissionsChanged = .now }
        changeCount += 1
        madeSoFar.append("\(title) \(verb)")
        steps.settle(title, verb)
    }

    /// Sends a change again while its refusal may only mean that services have not heard of the new policy.
    private func send(_ request: ServiceRequest, by calls: ServiceCalls) async throws(ProvisioningError) {
        var pause: Duration = .seconds(2)
        while true {
            do throws(OCIError) {
                _ = try await calls.apply(request, deadline: cloud.deadline)
                return
            } catch .cancelled {
                throw .cancelled
            } catch {
                guard let permissionsChanged, let limit = error.propagationLimit,
                    !(permissionsChanged + limit).isPast
                else { throw .cloud(error) }
                console.say("note: waiting for the new policy to take effect")
            }
            do throws(WaitError) { try await sleep(for: pause) } catch { throw .cancelled }
            pause = min(pause * 2, .seconds(30))
        }
    }

    private func checkOurs(_ title: String, _ tags: [String: String]) throws(ProvisioningError) {
        switch Provenance(tags: tags, compartmentID: settings.compartmentID) {
        case .ours: return
        case .anotherCompartment(let other): throw .unusable(belongsElsewhere(title, other))
        case .foreign:
            throw .unusable(
                Complaint(
                    "\(title) is not as it should be",
                    why:
                        "it exists and was not made by provision, which does not change what it did not make",
                    remedy: "give another --prefix"
                )
            )
        }
    }

    private func belongsElsewhere(_ title: String, _ other: String) -> Complaint {
        Complaint(
            "\(title) is taken",
            why: "provision made it for compartment \(other)",
            remedy: "give another --prefix"
        )
    }

    // MARK: - Who launches

    /// Whose members may launch tasks, as a policy's subject; nil for statements that somebody else makes.
    private func launchers() async throws(ProvisioningError) -> String? {
        if let group = order.group {
            if group == "none" { return nil }
            let isWhole = group.hasPrefix("group ") || group.hasPrefix("dynamic-group ")
            return isWhole ? group : "group \(group)"
        }
        let cloud = cloud
        let groups = try await inCloud { () async throws(OCIError) in
            guard let user = try await cloud.access.userID(deadline: cloud.deadline) else {
                return [String]()
            }
            return try await Identity(calls: cloud.calls, tenancyID: cloud.tenancyID)
                .groupNames(ofUser: user, deadline: cloud.deadline)
        }
        if groups.count == 1 { return "group \(groups[0])" }
        throw .unusable(
            Complaint(
                "it is not clear who will launch tasks",
                why: groups.isEmpty
                    ? "you are in no group" : "you are in the groups \(groups.joined(separator: ", "))",
                remedy: "say --group NAME, --group 'dynamic-group NAME', or --group none"
            )
        )
    }

    // MARK: - Files and words

    private func save() throws(ProvisioningError) {
        settings.objectStorageBucket = names.bucket
        if order.isDryRun { return }
        var saved = ProvisionedFiles.saved(
            settings,
            names,
            prefix: order.prefix,
            tenancyID: cloud.tenancyID
        )
        let configuration = Array(ProvisionedFiles.configuration(settings).utf8)
        saved.entries += [
            (SavedConfiguration.environmentKey, .string(order.environmentPath)),
            (SavedConfiguration.configurationKey, .string(order.configurationPath)),
            (SavedConfiguration.configurationDigestKey, .string(SavedConfiguration.digest(configuration))),
        ]
        try replace(order.savedPath, with: saved.text)
    }

    private func writeFiles() throws(ProvisioningError) {
        let title = "files"
        if order.isDryRun {
            return steps.settle(
                title,
                "would write \(order.savedPath), \(order.environmentPath), \(order.configurationPath)"
            )
        }
        try replace(order.environmentPath, with: ProvisionedFiles.environment(settings))
        let configuration = ProvisionedFiles.configuration(settings)
        let present = try? readFile(order.configurationPath, byteCountMax: 1 << 20)
        if let present, present != Array(configuration.utf8) {
            return steps.settle(
                title,
                "\(order.savedPath), \(order.environmentPath); \(order.configurationPath) is there already, with "
                    + "other content, and was left alone"
            )
        }
        try replace(order.configurationPath, with: configuration)
        steps.settle(title, "\(order.savedPath), \(order.environmentPath), \(order.configurationPath)")
    }

    /// Writes a file unless it says the same already.
    private func replace(_ path: String, with text: String) throws(ProvisioningError) {
        let bytes = Array(text.utf8)
        if let present = try? readFile(path, byteCountMax: 1 << 20), present == bytes { return }
        do throws(TransportError) {
            try replaceFile(path, with: bytes)
        } catch {
            throw .file(path: path, error)
        }
        changeCount += 1
        madeSoFar.append("\(path) written")
    }

    private func tellWhatExists(after error: ProvisioningError) {
        steps.abandon()
        if order.isDryRun || madeSoFar.isEmpty { return }
        console.say("stopped after: \(madeSoFar.joined(separator: ", "))")
        console.say(
            "run the same command again to go on, or scaler-oci-hpc cleanup --config \(order.savedPath) to remove it"
        )
    }

    private func sayWhatNext() {
        console.put("image:  \(settings.containerImage)")
        console.put("next:   scaler-oci-hpc build-image --config \(order.savedPath)")
        console.put("        scaler-oci-hpc check --config \(order.savedPath)")
        console.put("        scaler-oci-hpc up \(order.configurationPath)")
    }
}

extension OCIError {
    /// How long after a change to IAM this refusal may mean "not yet"; nil if it never does.
    ///
    /// Oracle's Go SDK waits four minutes for either; but the second is also what a missing right looks like.
    fileprivate var propagationLimit: Duration? {
        guard case .service(let failure) = self else { return nil }
        if failure.code == "InsufficientServicePermissions" { return .seconds(240) }
        return failure.kind == .notAuthorized || !failure.kind.isPermission ? nil : .seconds(20)
    }
}
