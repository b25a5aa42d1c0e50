// SPDX-License-Identifier: Apache-2.0

internal import CloudOwnership
internal import Configuration
internal import EventLoop
internal import OCIProfile
internal import OCIServices

/// The cloud as the subcommands see it: opened, and its namespace and tenancy known.
@LoopActor
final class Cloud {
    /// How long a call may be tried while a person waits.
    static let callTimeout: Duration = .seconds(15)

    let settings: Settings
    let access: CloudAccess
    /// Tenancy namespace of Object Storage.
    let namespace: String
    let tenancyID: String
    /// Where the person sees each call before it is made, if anywhere.
    private let callConsole: Console?

    /// The cloud after the first signed call, which told the namespace.
    init(
        _ settings: Settings,
        _ access: CloudAccess,
        namespace: String,
        showingCallsOn console: Console? = nil
    ) {
        guard let tenancyID = access.tenancyID else {
            preconditionFailure("after a signed call every principal knows its tenancy")
        }
        self.settings = settings
        self.access = access
        self.namespace = namespace
        self.tenancyID = tenancyID
        callConsole = console
    }

    var calls: ServiceCalls { access.calls }

    /// The region's identifier, or what the user gave in its place.
    var regionName: String { access.region.identifier ?? settings.region }

    var deadline: Deadline { .after(Self.callTimeout) }

    var instances: ContainerInstances {
        ContainerInstances(calls: calls, compartmentID: settings.compartmentID)
    }

    /// Namespace of the tasks' objects: the one that was given, or else the tenancy's.
    var taskNamespace: String {
        settings.objectStorageNamespace.isEmpty ? namespace : settings.objectStorageNamespace
    }

    /// Where the tasks' objects are.
    var taskObjects: ObjectStorage {
        ObjectStorage(calls: calls, namespace: taskNamespace, bucket: settings.objectStorageBucket)
    }

    var buckets: Buckets {
        Buckets(calls: calls, namespace: namespace, compartmentID: settings.compartmentID)
    }

    var repositories: ContainerRepositories {
        ContainerRepositories(calls: calls, compartmentID: settings.compartmentID)
    }

    var identity: Identity { Identity(calls: calls, tenancyID: tenancyID) }

    static func open(
        _ settings: Settings,
        _ console: Console,
        showsCalls: Bool = false
    ) async throws(CommandError) -> Cloud {
        let notify: @LoopActor @Sendable (ServiceNotice) -> Void = { notice in
            if case .credentialsRenewed = notice { return }
            console.say("note: \(notice)")
        }
        let access = try await inCloud(await OCIAccess.open(for: settings, notify: notify))
        for warning in access.warnings { console.say("note: \(warning)") }
        let calls = access.calls
        let callConsole = showsCalls ? console : nil
        callConsole?.show(calls)
        let namespace = try await inCloud(
            await ObjectStorage.namespaceAndTime(calls: calls, deadline: .after(callTimeout))
        ).namespace
        return Cloud(settings, access, namespace: namespace, showingCallsOn: callConsole)
    }

    /// The calls to the tenancy's home region, where alone IAM can be changed.
    func home(regionKey: String) async throws(CommandError) -> ServiceCalls {
        if access.region.key == regionKey { return calls }
        let homeCalls = try await inCloud(
            await OCIAccess.open(for: settings, region: regionKey, notify: { _ in }).calls
        )
        callConsole?.show(homeCalls)
        return homeCalls
    }
}
