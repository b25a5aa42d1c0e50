// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import EventLoop
internal import OCIProfile
internal import OCIServices
internal import CloudOwnership

/// The cloud as the subcommands see it: opened, and its namespace and tenancy known.
@LoopActor
final class Cloud {
    /// How long a call may be tried while a person waits.
    static let patience: Duration = .seconds(15)

    let settings: Settings
    let access: CloudAccess
    /// Tenancy namespace of Object Storage.
    let namespace: String
    let tenancyID: String
    private let observe: Observer?

    /// Told of every call before it is made.
    typealias Observer = @LoopActor @Sendable (ServiceCalls, ServiceRequest) -> Void

    /// The cloud after the first signed call, which told the namespace.
    init(_ settings: Settings, _ access: CloudAccess, namespace: String, observe: Observer? = nil) {
        guard let tenancyID = access.tenancyID else {
            preconditionFailure("after a signed call every principal knows its tenancy")
        }
        self.settings = settings
        self.access = access
        self.namespace = namespace
        self.tenancyID = tenancyID
        self.observe = observe
    }

    var calls: ServiceCalls { access.calls }

    /// The region's identifier, or what the user gave in its place.
    var regionName: String { access.region.identifier ?? settings.region }

    /// When a call made now has to be answered.
    var deadline: Deadline { .after(Self.patience) }

    /// Opens the cloud and makes the first signed call; `observe` is told of every call.
    static func open(
        _ settings: Settings,
        _ console: Console,
        observe: Observer? = nil
    ) async throws(ProvisioningError) -> Cloud {
        let access = try await inCloud { () async throws(OCIError) in
            try await OCIAccess.open(for: settings) { notice in
                if case .credentialsRenewed = notice { return }
                console.say("note: \(notice)")
            }
        }
        for warning in access.warnings { console.say("note: \(warning)") }
        let calls = access.calls
        if let observe { calls.willSend = { observe(calls, $0) } }
        let namespace = try await inCloud { () async throws(OCIError) in
            try await ObjectStorage.namespace(calls: calls, deadline: .after(patience))
        }
        return Cloud(settings, access, namespace: namespace, observe: observe)
    }

    /// The calls to the tenancy's home region, where alone IAM can be changed.
    func home(regionKey: String) async throws(ProvisioningError) -> ServiceCalls {
        if access.region.key == regionKey { return calls }
        let settings = settings
        let home = try await inCloud { () async throws(OCIError) in
            try await OCIAccess.open(for: settings, region: regionKey) { _ in }
        }
        let homeCalls = home.calls
        if let observe { homeCalls.willSend = { observe(homeCalls, $0) } }
        return homeCalls
    }
}

/// Runs calls to the cloud, whose errors become those of this module.
@LoopActor
func inCloud<Value: Sendable>(
    _ body: @LoopActor () async throws(OCIError) -> Value
) async throws(ProvisioningError) -> Value {
    do throws(OCIError) {
        return try await body()
    } catch .cancelled {
        throw .cancelled
    } catch {
        throw .cloud(error)
    }
}
