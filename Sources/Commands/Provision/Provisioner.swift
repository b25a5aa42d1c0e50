// SPDX-License-Identifier: Apache-2.0
//
// Creates what tasks need, in an order in which every step finds what it needs, and so that the run can be repeated.
//
// Rule: a run may end anywhere, by a refusal, a lost connection or Ctrl-C, and be made again by somebody with other
// rights. IAM takes its changes in the tenancy's home region only, and the other services learn of them some seconds
// to minutes later. Scaler's own provisioner may have been here, and its files may be of another place.
// Consequence: every step first looks what is there, and only creates or changes what is not as wanted; what must not be
// changed is found out before the first change; the files are written last, each at once, with a copy of what was there; a
// refusal that may only mean "not yet" is retried, but only after a change to IAM in the same run.
// Rejected: creating first and reading the conflict, as Scaler's provisioner does. It cannot tell a bucket of its own
// from somebody else's, and never corrects a policy. Saving first, so that cleanup has a record of a run that failed: it
// overwrote the record of what works; the tags and --compartment-id are record enough.

internal import Configuration
internal import EventLoop
internal import Glibc
internal import JSON
internal import OCIServices
internal import Reporting
internal import Transport

@LoopActor
final class Provisioner {
    private static let stepCount = 12
    private static let lifecycleDays = 7
    private static let lifecycleRule = "cleanup-old-tasks"

    private let input: CommandInput
    private let isDryRun: Bool
    private let savedPath: String
    private let environmentPath: String
    private let configurationPath: String
    private let cloud: Cloud
    private let console: Console
    private let steps: Steps
    private var settings: Settings
    private let names: ProvisionedNames
    private let lookup: ResourceLookup
    /// Short code of the tenancy's home region, once it is known.
    private var homeRegionKey = ""
    /// The calls to the home region, once they are needed.
    private var home: ServiceCalls
    private var permissionsChanged: Deadline?
    private var changeCount = 0
    private var madeSoFar: [String] = []
    private var isBucketOurs = false

    static func run(_ input: CommandInput, _ console: Console) async throws(CommandError) -> Int32 {
        let settings = try settings(input)
        let cloud = try await Cloud.open(settings, console, showsCalls: input.has("dry-run"))
        let provisioner = Provisioner(input, settings, cloud, console)
        try await provisioner.run()
        guard input.has("build-image") else { return ExitCode.success }
        if input.has("dry-run") {
            console.say("would build the image as build-image does")
            return ExitCode.success
        }
        let arguments = ["--config", provisioner.savedPath]
        let build = try CommandInput(.buildImage, arguments, environment: input.environment)
        return try await BuildImageCommand.run(build, console)
    }

    nonisolated static func settings(_ input: CommandInput) throws(CommandError) -> Settings {
        var input = input
        if let minutes = try input.positiveNumber("job-timeout", unit: "minutes") {
            input.scan = try configured(
                try input.scan.replacing("job-timeout", by: "job-timeout-seconds", text: "\(minutes * 60)")
            )
        }
        var settings = try input.settings(required: input.form.required)
        if let address = try input.schedulerAddress { settings.schedulerAddress = address }
        if settings.workerManagerID.isEmpty { settings.workerManagerID = "wm-oci-hpc" }
        return settings
    }

    private init(_ input: CommandInput, _ settings: Settings, _ cloud: Cloud, _ console: Console) {
        self.input = input
        self.settings = settings
        isDryRun = input.has("dry-run")
        savedPath = input.savedPath
        environmentPath = input.text("env-file") ?? CommandForm.savedEnvironment
        configurationPath = input.text("config-toml") ?? CommandForm.configurationFile
        self.cloud = cloud
        self.console = console
        home = cloud.calls
        self.settings.objectStorageNamespace = cloud.namespace
        names = cloud.names(prefix: input.prefix, bucket: settings.objectStorageBucket)
        lookup = ResourceLookup(cloud)
        steps = Steps(console, count: Self.stepCount)
    }

    func run() async throws(CommandError) {
        do throws(CommandError) {
            try await perform(lookups)
            settings.availabilityDomains = lookup.domains
            completeSettings()
            home = try await cloud.home(regionKey: homeRegionKey)
            try checkDirectories()
            try await refuseEarly()
            try await perform(changes)
            let written = try writeFiles()
            try await perform([Step("files", done: { written })])
        } catch {
            tellWhatExists()
            throw error
        }
        if isDryRun { return console.say("dry run: nothing was changed") }
        console.say(
            changeCount == 0
                ? "everything was there already; nothing was changed"
                : "done: \(madeSoFar.joined(separator: ", "))"
        )
        sayWhatNext()
    }

    /// Finds out whether something is in the way before anything is changed: half of a cluster helps nobody.
    private func refuseEarly() async throws(CommandError) {
        for plan in [ensureBucket, ensureDynamicGroup, ensurePolicy] {
            let plan = try await plan()
            guard case .refuse(let diagnostic) = plan.action else { continue }
            if !plan.details.isEmpty { console.say("it would be changed to:") }
            for detail in plan.details { console.say(detail) }
            throw .unusable(diagnostic)
        }
    }

    private func perform(_ table: [Step]) async throws(CommandError) {
        for step in table { try await steps.perform(step, send: make) }
    }

    private var lookups: [Step] {
        [
            Step("credentials", done: { "accepted; namespace \(self.cloud.namespace)" }),
            Step("tenancy", done: lookUpTenancy),
            Step("compartment", done: lookup.compartment),
            Step("availability domain", done: lookup.availabilityDomains),
            Step("subnet", done: lookup.subnets),
            Step("shape", done: lookup.shapes),
        ]
    }

    private func lookUpTenancy() async throws(CommandError) -> String {
        let tenancy = try await inCloud(await cloud.identity.tenancy(deadline: cloud.deadline))
        homeRegionKey = tenancy.homeRegionKey
        return "\(tenancy.name), home region \(homeRegionKey)"
    }

    /// The rule comes last: the service accepts it only once the policy lets the service itself delete objects.
    private var changes: [Step] {
        [
            Step("bucket \(names.bucket)", plan: ensureBucket),
            Step("dynamic group \(names.dynamicGroup)", plan: ensureDynamicGroup),
            Step("policy \(names.policy)", plan: ensurePolicy),
            Step("repository \(names.repository)", plan: ensureRepository),
            Step("lifecycle rule \(Self.lifecycleRule)", plan: ensureLifecycleRule),
        ]
    }

    private func ensureBucket() async throws(CommandError) -> StepPlan {
        let found = try await inCloud(await cloud.buckets.find(names.bucket, deadline: cloud.deadline))
        guard let found else {
            isBucketOurs = true
            return .send(.created, cloud.buckets.creation(of: names.bucket, tags: tags), by: cloud.calls)
        }
        switch Provenance(tags: found.freeformTags, compartmentID: settings.compartmentID) {
        case .ours:
            isBucketOurs = true
            return .done("exists")
        case .foreign: return .done("exists; provision did not make it and cleanup will leave it")
        case .anotherCompartment(let other): return taken("bucket \(names.bucket)", by: other)
        }
    }

    private func ensureDynamicGroup() async throws(CommandError) -> StepPlan {
        let name = names.dynamicGroup
        let rule = PolicyStatements.matchingRule(compartmentID: settings.compartmentID)
        let found = try await inCloud(await identity.dynamicGroup(name, deadline: cloud.deadline))
        guard let found else {
            let text = "Container instances that run Scaler tasks"
            let request = identity.dynamicGroupCreation(
                of: name,
                matchingRule: rule,
                description: text,
                tags: tags
            )
            return .send(.created, request, by: home, .permissions)
        }
        if found.matchingRule == rule { return .done("exists") }
        let change = identity.dynamicGroupChange(of: found.id, matchingRule: rule)
        return changeIfOurs("dynamic group \(name)", found.freeformTags, change)
    }

    private func ensurePolicy() async throws(CommandError) -> StepPlan {
        let (name, compartmentID) = (names.policy, settings.compartmentID)
        let statements = PolicyStatements.all(
            names: names,
            compartmentID: compartmentID,
            region: cloud.regionName,
            launchers: try await launchers()
        )
        let found = try await inCloud(
            await identity.policy(name, in: compartmentID, deadline: cloud.deadline)
        )
        var plan = StepPlan.done("exists")
        if let found, found.statements != statements {
            let change = identity.policyChange(of: found.id, statements: statements)
            let scalers = PolicyStatements.ofScalersProvisioner(names: names, compartmentID: compartmentID)
            plan =
                found.statements == scalers
                ? .send(.changed, change, by: home, .permissions)
                : changeIfOurs("policy \(name)", found.freeformTags, change)
        } else if found == nil {
            let request = identity.policyCreation(
                of: name,
                in: compartmentID,
                statements: statements,
                description: "What Scaler tasks on container instances need",
                tags: tags
            )
            plan = .send(.created, request, by: home, .permissions)
        }
        plan.details = statements.map { "        \($0)" }
        return plan
    }

    private func ensureRepository() async throws(CommandError) -> StepPlan {
        let name = names.repository
        let found = try await inCloud(await cloud.repositories.find(name, deadline: cloud.deadline))
        if found != nil { return .done("exists") }
        return .send(.created, cloud.repositories.creation(of: name, tags: tags), by: cloud.calls)
    }

    private func ensureLifecycleRule() async throws(CommandError) -> StepPlan {
        let wanted = LifecycleRule(
            name: Self.lifecycleRule,
            deletesAfterDays: Self.lifecycleDays,
            prefix: settings.objectStoragePrefix + "/"
        )
        let rules = try await inCloud(await lifecycleRules())
        if rules.contains(wanted) { return .done("exists; task objects live \(Self.lifecycleDays) days") }
        guard isBucketOurs else {
            return .done(
                "left out: the bucket is not ours; a rule that deletes '\(settings.objectStoragePrefix)/' after "
                    + "\(Self.lifecycleDays) days keeps it small"
            )
        }
        let others = rules.filter { $0.name != Self.lifecycleRule }
        let request = cloud.buckets.lifecycleChange(of: names.bucket, to: others + [wanted])
        return .send(rules.isEmpty ? .created : .changed, request, by: cloud.calls)
    }

    /// A bucket that a dry run did not make has none.
    private func lifecycleRules() async throws(OCIError) -> [LifecycleRule] {
        do throws(OCIError) {
            return try await cloud.buckets.lifecycle(of: names.bucket, deadline: cloud.deadline)
        } catch .service(let failure)
            where isDryRun && isBucketOurs && failure.code == "BucketNotFound"
        {
            return []
        }
    }

    /// IAM as the home region has it, where alone it can be changed.
    private var identity: Identity { Identity(calls: home, tenancyID: cloud.tenancyID) }

    private var tags: [(String, String)] {
        Provenance.tags(
            compartmentID: settings.compartmentID,
            own: settings.freeformTags.map { ($0.key, $0.value) }
        )
    }

    private func changeIfOurs(
        _ title: String,
        _ tags: [String: String],
        _ request: ServiceRequest
    ) -> StepPlan {
        switch Provenance(tags: tags, compartmentID: settings.compartmentID) {
        case .ours: .send(.changed, request, by: home, .permissions)
        case .anotherCompartment(let other): taken(title, by: other)
        case .foreign:
            .refuse(
                "\(title) is not as it should be",
                why: "it exists and was not made by provision, which does not change what it did not make",
                remedy: "give another --prefix"
            )
        }
    }

    private func taken(_ title: String, by compartmentID: String) -> StepPlan {
        let why = "provision made it for compartment \(compartmentID)"
        return .refuse("\(title) is taken", why: why, remedy: "give another --prefix")
    }

    private func make(_ title: String, _ change: Change) async throws(CommandError) -> String {
        if isDryRun {
            console.put(change.request, change.calls)
            return "would be \(change.verb.rawValue)"
        }
        try await send(change)
        if change.effect == .permissions { permissionsChanged = .now }
        changeCount += 1
        madeSoFar.append("\(title) \(change.verb.rawValue)")
        return change.verb.rawValue
    }

    /// Sends a change again while its refusal may only mean that services have not heard of the new policy.
    private func send(_ change: Change) async throws(CommandError) {
        var pause: Duration = .seconds(2)
        while true {
            do throws(OCIError) {
                _ = try await change.calls.apply(change.request, deadline: cloud.deadline)
                return
            } catch {
                guard let permissionsChanged, let limit = error.propagationLimit,
                    !(permissionsChanged + limit).isPast
                else { throw CommandError(error) }
                console.say("note: waiting for the new policy to take effect")
            }
            do throws(WaitError) { try await sleep(for: pause) } catch { throw .cancelled }
            pause = min(pause * 2, .seconds(30))
        }
    }

    /// Whose members may launch tasks, as a policy's subject; nil for statements that somebody else makes.
    private func launchers() async throws(CommandError) -> String? {
        if let group = input.text("group") {
            if group == "none" { return nil }
            let isWhole = group.hasPrefix("group ") || group.hasPrefix("dynamic-group ")
            return isWhole ? group : "group \(group)"
        }
        var groups: [String] = []
        if let user = try await inCloud(await cloud.access.userID(deadline: cloud.deadline)) {
            groups = try await inCloud(
                await cloud.identity.groupNames(ofUser: user, deadline: cloud.deadline)
            )
        }
        if groups.count == 1 { return "group \(groups[0])" }
        throw .unusable(
            "it is not clear who will launch tasks",
            why: groups.isEmpty
                ? "you are in no group" : "you are in the groups \(groups.joined(separator: ", "))",
            remedy: "say --group NAME, --group 'dynamic-group NAME', or --group none"
        )
    }

    /// Names what the user left to provision.
    private func completeSettings() {
        settings.objectStorageBucket = names.bucket
        if !settings.containerImage.isEmpty { return }
        let registry = "\(cloud.regionName).ocir.io"
        settings.containerImage = names.image(registry: registry, namespace: cloud.namespace)
    }

    private var saved: SavedConfiguration {
        var saved = ProvisionedFiles.saved(settings, names, tenancyID: cloud.tenancyID)
        let configuration = Array(ProvisionedFiles.configuration(settings).utf8)
        saved.entries += [
            (SavedConfiguration.environmentKey, .string(environmentPath)),
            (SavedConfiguration.configurationKey, .string(configurationPath)),
            (SavedConfiguration.configurationDigestKey, .string(SavedConfiguration.digest(configuration))),
        ]
        return saved
    }

    /// Throws if a file could not be written in the end.
    private func checkDirectories() throws(CommandError) {
        for path in [savedPath, environmentPath, configurationPath] {
            let slash = path.lastIndex(of: "/")
            let directory = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
            guard access(directory, W_OK) == 0 else {
                throw .file(path: path, .systemCall(SystemCallError(call: "access", number: errno), .file))
            }
        }
    }

    /// Writes the files that are not there yet, and returns what to say of them.
    private func writeFiles() throws(CommandError) -> String {
        let (record, exports, toml) = (savedPath, environmentPath, configurationPath)
        if isDryRun { return "would write \(record), \(exports), \(toml)" }
        try replace(exports, with: ProvisionedFiles.environment(settings))
        let configuration = ProvisionedFiles.configuration(settings)
        let present = contents(of: toml)
        let isLeft = present != nil && present != Array(configuration.utf8)
        if !isLeft { try replace(toml, with: configuration) }
        try replace(record, with: saved.text)
        return isLeft
            ? "\(record), \(exports); \(toml) is there already, with other content, and was left alone"
            : "\(record), \(exports), \(toml)"
    }

    /// Writes a file, and what was there before into a new one beside it.
    private func replace(_ path: String, with text: String) throws(CommandError) {
        let bytes = Array(text.utf8)
        let present = contents(of: path)
        if present == bytes { return }
        if let present {
            let backup = unusedBackupPath(of: path)
            try writeFile(present, to: backup)
            console.say("\(path) was there already; what it held is in \(backup)")
        }
        try writeFile(bytes, to: path)
        changeCount += 1
        madeSoFar.append("\(path) written")
    }

    /// `path.bak`, or `path.bak.2` and so on: what an earlier run put aside is not written over.
    private func unusedBackupPath(of path: String) -> String {
        var (backup, number) = ("\(path).bak", 1)
        while access(backup, F_OK) == 0, number < 1000 {
            number += 1
            backup = "\(path).bak.\(number)"
        }
        return backup
    }

    private func contents(of path: String) -> [UInt8]? { try? readFile(path, byteCountMax: 1 << 20) }

    private func tellWhatExists() {
        if isDryRun || madeSoFar.isEmpty { return }
        console.say("stopped after: \(madeSoFar.joined(separator: ", "))")
        var flags = "--compartment-id \(settings.compartmentID) --prefix \(names.prefix)"
        if input.has("object-storage-bucket") { flags += " --object-storage-bucket \(names.bucket)" }
        console.say("run the same command again to go on, or scaler-oci-hpc cleanup \(flags) to remove it")
    }

    private func sayWhatNext() {
        console.put("image:  \(settings.containerImage)")
        console.put("next:   scaler-oci-hpc build-image --config \(savedPath)")
        console.put("        scaler-oci-hpc check --config \(savedPath)")
        console.put("        scaler-oci-hpc up \(configurationPath)")
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
