// SPDX-License-Identifier: Apache-2.0
//
// Deletes for a person what a daemon left that will not come back.
//
// Rule: nothing of a living daemon's is touched. What it runs looks in the cloud like what a dead one left.
// Consequence: a daemon holds its owner's name on its host for as long as it lives, `kill -9` included, and the owner's
// id is made of that host's id. So if the name is free here, the daemon of an owner whose id this host computes is
// dead; reap takes the name itself, and a daemon that starts meanwhile waits for it. Of an id that somebody chose
// (--owner-id) nothing is known of other hosts, and it is for a person to say --force. Not seen are a daemon in a network
// namespace of its own, for names are per namespace (unix(7)), and one on a cloned machine of the same machine id: README
// asks for an --owner-id there.

internal import Configuration
internal import EventLoop
internal import OCIServices
internal import Transport
internal import CloudOwnership

/// `scaler-oci-hpc reap`.
@LoopActor
final class ReapCommand {
    private let order: BelongingsOrder
    private let console: Console
    private var deletedInstanceCount = 0
    private var deletedObjectCount = 0
    private var exitCode: Int32 = 0

    static func run(_ arguments: [String], _ console: Console) async throws(ProvisioningError) -> Int32 {
        let form = CommandForm.reap
        guard
            let order = try BelongingsOrder(arguments, form: form, environment: environmentVariables())
        else {
            console.put(form.help)
            return 0
        }
        return try await ReapCommand(order, console).run()
    }

    private init(_ order: BelongingsOrder, _ console: Console) {
        self.order = order
        self.console = console
    }

    private func run() async throws(ProvisioningError) -> Int32 {
        let console = console
        let observe: Cloud.Observer = { calls, request in
            console.put("\(request.method) \(calls.url(of: request))")
        }
        do throws(ProvisioningError) {
            for settings in order.managers {
                try await reap(
                    try await OwnedPlace.open(settings, console, observe: order.isDryRun ? observe : nil)
                )
            }
        } catch {
            if deletedInstanceCount + deletedObjectCount > 0 {
                console.say("stopped after \(deletedCount) were deleted; run the same command again to go on")
            }
            throw error
        }
        console.say(order.isDryRun ? "dry run: nothing was deleted" : "deleted: \(deletedCount)")
        return exitCode
    }

    private var deletedCount: String { BelongingsReport.count(deletedInstanceCount, deletedObjectCount) }

    private func reap(_ place: OwnedPlace) async throws(ProvisioningError) {
        // Before the listing, so that nothing is added to it.
        let presence = place.daemonPresence()
        let belongings = try await place.belongings().deletable
        if belongings.isEmpty { return console.say("nothing is left of \(place.ownerName)") }
        let report = BelongingsReport(belongings: belongings, now: place.now)
        if let reason = objection(to: presence), !order.isForced {
            console.say("left alone: \(report.count) of \(place.ownerName), \(reason)")
            exitCode = max(exitCode, 1)
            return
        }
        console.say("\(report.count) of \(place.ownerName):")
        for line in report.lines { console.say("  \(line)") }
        let sweep = Sweep(belongings, of: place.owner, in: place.instances, place.objects) { [console] in
            console.say("note: \($0)")
        }
        if order.isDryRun {
            for request in sweep.requests {
                console.put("\(request.method) \(place.cloud.calls.url(of: request))")
                if case .json(let body) = request.body { console.put(body.pretty) }
            }
            return
        }
        try await console.confirm("Delete all of this?", isConfirmed: order.isConfirmed)
        try await run(sweep, belongings)
        // The name is ours until here.
        withExtendedLifetime(presence) {}
    }

    /// Why nothing of the owner's may be touched without --force; nil if it may.
    private func objection(to presence: DaemonPresence) -> String? {
        switch presence {
        case .absent: nil
        case .alive: "whose daemon runs on this host; stop that first, or say --force"
        case .unknown:
            "whose daemon may run on another host, which cannot be seen from here; if it does not, say --force"
        }
    }

    private func run(_ sweep: Sweep, _ belongings: OwnedResources) async throws(ProvisioningError) {
        let console = console
        let total = belongings.instances.count + belongings.objects.count
        let deadline = Deadline.after(order.timeout)
        defer {
            deletedInstanceCount += belongings.instances.count - sweep.outcome.instancesLeft
            deletedObjectCount += belongings.objects.count - sweep.outcome.objectsLeft
        }
        try await inCloud { () async throws(OCIError) in
            try await sweep.run(until: deadline) { console.showProgress("deleting", done: $0, total: total) }
        }
        let left = sweep.outcome
        if left.isComplete { return }
        let count = BelongingsReport.count(left.instancesLeft, left.objectsLeft)
        if left.isRefuted {
            console.say(
                "\(count) cannot be deleted: the service says that they are not there, and lists them; let an "
                    + "administrator allow 'Allow group <group> to manage compute-container-family in compartment "
                    + "id \(order.managers[0].compartmentID)'"
            )
            exitCode = 77
        } else {
            console.say(
                "\(count) are still there: the cloud did not accept every deletion in time; run the same "
                    + "command again, or give more --timeout"
            )
            exitCode = max(exitCode, 69)
        }
    }
}
