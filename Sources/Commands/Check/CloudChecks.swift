// SPDX-License-Identifier: Apache-2.0

internal import CloudOwnership
internal import Configuration
internal import EventLoop
internal import OCIServices

/// The checks of one manager's cloud: connectivity, storage, lifecycle, as far as they were asked for.
@LoopActor
final class CloudChecks {
    /// Beyond this many seconds the service refuses a signature (OCI API: "Maximum Allowed Client Clock Skew").
    private static let clockErrorMax = 300
    /// Beyond this many seconds the report warns of the clock.
    private static let clockErrorWarned = 60

    private let run: CheckRun
    private let settings: Settings
    private var access: CloudAccess?
    private var cloud: Cloud?
    /// How far this host's clock is ahead of OCI's.
    private var clockErrorSeconds = 0

    init(_ run: CheckRun, _ settings: Settings) {
        self.run = run
        self.settings = settings
    }

    func perform() async throws(CommandError) {
        let phases = run.order.phases
        guard phases.contains(where: { $0 != .scheduler }) else { return }
        try await run.perform(checks, .connectivity)
        guard let cloud else { return }
        if phases.contains(.connectivity) {
            try await run.perform(ConnectivityChecks(cloud).checks, .connectivity)
        }
        if phases.contains(.storage) { try await run.perform(StorageChecks(cloud: cloud).checks, .storage) }
        if phases.contains(.lifecycle) {
            try await run.perform(LifecycleChecks(cloud, timeout: run.order.timeout).checks, .lifecycle)
        }
    }

    private var checks: [Check] {
        let credentials = Check.Need(check: "credentials", reason: nil)
        let signature = Check.Need(check: "signature", reason: nil)
        return [
            Check("credentials", run: checkCredentials),
            Check("key-permissions", needs: credentials, run: checkKeyPermissions),
            Check("signature", needs: credentials, run: checkSignature),
            Check("clock", needs: signature, run: checkClock),
        ]
    }

    private func checkCredentials() async throws(CommandError) -> CheckOutcome {
        // Notices are not shown: what is retried or corrected shows in the checks themselves.
        access = try await checking(
            "there are no credentials to sign with",
            await OCIAccess.open(for: settings, notify: { _ in })
        )
        return .passed("\(settings.authType.rawValue), region \(settings.region)")
    }

    private func checkKeyPermissions() -> CheckOutcome {
        guard let warning = access?.warnings.first else { return .passed("nobody else can read the key") }
        // The warning is what, then perhaps a semicolon and the remedy.
        let parts = warning.split(separator: ";", maxSplits: 1)
        return .warned(
            Diagnostic(
                "others can read the credentials",
                why: String(parts[0]),
                remedy: parts.count > 1 ? String(parts[1].drop { $0 == " " }) : "make them yours alone"
            )
        )
    }

    /// The first signed call, whose answer also tells the time.
    private func checkSignature() async throws(CommandError) -> CheckOutcome {
        guard let access else { preconditionFailure("the credentials passed") }
        let before = Int(LoopClock.epochSeconds)
        let answer = try await checking(
            "OCI does not accept the credentials",
            await ObjectStorage.namespaceAndTime(calls: access.calls, deadline: .after(Cloud.callTimeout))
        )
        let after = Int(LoopClock.epochSeconds)
        if let time = answer.time {
            clockErrorSeconds = time < before ? before - time : time > after ? after - time : 0
        }
        cloud = Cloud(settings, access, namespace: answer.namespace)
        return .passed("accepted; namespace \(answer.namespace)")
    }

    private func checkClock() -> CheckOutcome {
        let distance = abs(clockErrorSeconds)
        guard distance > Self.clockErrorWarned else { return .passed("agrees with OCI's to \(distance) s") }
        let diagnostic = Diagnostic(
            "this host's clock is \(distance) s \(clockErrorSeconds > 0 ? "ahead of" : "behind") OCI's",
            why: "a signature bears the time, and OCI refuses it beyond \(Self.clockErrorMax) s",
            remedy: "let the host set its clock: timedatectl set-ntp true"
        )
        return distance > Self.clockErrorMax ? .failed(diagnostic) : .warned(diagnostic)
    }
}
