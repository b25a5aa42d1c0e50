// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import EventLoop
internal import HTTPWire
internal import OCIServices
internal import Transport
internal import CloudOwnership

/// The checks of one manager's cloud: connectivity, storage, lifecycle, as far as they were asked for.
@LoopActor
final class CloudChecks {
    /// Beyond this the service refuses a signature (OCI API: "Maximum Allowed Client Clock Skew").
    private static let clockErrorMax = 300
    /// Beyond this somebody should look after the clock.
    private static let clockErrorWarned = 60

    private let run: CheckRun
    private let settings: Settings

    init(_ run: CheckRun, _ settings: Settings) {
        self.run = run
        self.settings = settings
    }

    /// Makes the checks of the phases that were asked for.
    func perform() async throws(ProvisioningError) {
        let phases = run.order.phases
        guard phases.contains(where: { $0 != .scheduler }) else { return }
        guard let access = try await checkCredentials(), let cloud = try await checkSignature(access) else {
            return
        }
        if phases.contains(.connectivity) { try await ConnectivityChecks(run, cloud).perform() }
        if phases.contains(.storage) { try await StorageChecks(run, cloud).perform() }
        if phases.contains(.lifecycle) { try await LifecycleChecks(run, cloud).perform() }
    }

    private func checkCredentials() async throws(ProvisioningError) -> CloudAccess? {
        let settings = settings
        let access = try await run.check("credentials", .connectivity) {
            () async throws(CheckFault) -> (seen: String, value: CloudAccess) in
            let access = try await checking("there are no credentials to sign with") {
                () async throws(OCIError) in
                // What is retried or corrected shows in the checks themselves.
                try await OCIAccess.open(for: settings) { _ in }
            }
            return ("\(settings.authType.rawValue), region \(settings.region)", access)
        }
        guard let access else { return nil }
        try await run.check("key-permissions", .connectivity) { () async throws(CheckFault) in
            guard let warning = access.warnings.first else { return "nobody else can read the key" }
            let parts = warning.split(separator: ";", maxSplits: 1)
            throw .warned(
                Complaint(
                    "others can read the credentials",
                    why: String(parts[0]),
                    remedy: parts.count > 1 ? String(parts[1].drop { $0 == " " }) : "make them yours alone"
                )
            )
        }
        return access
    }

    /// The first signed call, whose answer also tells the time.
    private func checkSignature(_ access: CloudAccess) async throws(ProvisioningError) -> Cloud? {
        let settings = settings
        let opened = try await run.check("signature", .connectivity) {
            () async throws(CheckFault) -> (seen: String, value: (cloud: Cloud, errorSeconds: Int)) in
            let before = Int(LoopClock.epochSeconds)
            let answer = try await checking("OCI does not accept the credentials") {
                () async throws(OCIError) in
                try await ObjectStorage.namespaceAndTime(
                    calls: access.calls,
                    deadline: .after(Cloud.patience)
                )
            }
            let after = Int(LoopClock.epochSeconds)
            let error = answer.time.map { time in
                time < before ? before - time : time > after ? after - time : 0
            }
            let cloud = Cloud(settings, access, namespace: answer.namespace)
            return ("accepted; namespace \(answer.namespace)", (cloud, error ?? 0))
        }
        guard let opened else { return nil }
        try await run.check("clock", .connectivity) { () async throws(CheckFault) in
            let error = opened.errorSeconds
            guard abs(error) > Self.clockErrorWarned else { return "agrees with OCI's to \(abs(error)) s" }
            let complaint = Complaint(
                "this host's clock is \(abs(error)) s \(error > 0 ? "ahead of" : "behind") OCI's",
                why: "a signature bears the time, and OCI refuses it beyond \(Self.clockErrorMax) s",
                remedy: "let the host set its clock: timedatectl set-ntp true"
            )
            throw abs(error) > Self.clockErrorMax ? .failed(complaint) : .warned(complaint)
        }
        return opened.cloud
    }
}
