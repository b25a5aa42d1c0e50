// SPDX-License-Identifier: Apache-2.0
//
// Deletes for a person what a daemon left that will not come back.
//
// Rule: nothing of a living daemon's is touched. What it runs looks in the cloud like what a dead one left.
// Consequence: a daemon holds its owner's name on its host for as long as it lives, `kill -9` included, and the owner's
// id is made of that host's id. So if the name is free here, the daemon of an owner whose id this host computes is
// dead; reap takes the name itself, and a daemon that starts meanwhile waits for it. Of an id that somebody chose
// (--owner-id) nothing is known of other hosts, and it is for a person to say --force. Not seen are a daemon in a network
// namespace of its own, for names are per namespace (unix(7)), and one on a cloned machine of the same machine id:
// the documentation (Architecture) asks for an --owner-id there.

internal import CloudOwnership
internal import Configuration
internal import EventLoop
internal import Reporting

@LoopActor
final class ReapCommand {
    private let input: CommandInput
    private let order: OwnedResourcesOrder
    private let console: Console
    private var deletedInstanceCount = 0
    private var deletedObjectCount = 0
    private var exitCode = ExitCode.success

    static func run(_ input: CommandInput, _ console: Console) async throws(CommandError) -> Int32 {
        try await ReapCommand(input, console).run()
    }

    private init(_ input: CommandInput, _ console: Console) throws(CommandError) {
        self.input = input
        order = try OwnedResourcesOrder(input)
        self.console = console
    }

    private func run() async throws(CommandError) -> Int32 {
        do throws(CommandError) {
            for settings in order.managers {
                try await reap(try await OwnedPlace.open(settings, console, showsCalls: order.isDryRun))
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

    private var deletedCount: String { OwnedResourcesReport.count(deletedInstanceCount, deletedObjectCount) }

    private func reap(_ place: OwnedPlace) async throws(CommandError) {
        // Taken before the listing, so that no daemon adds anything after it.
        let presence = place.daemonPresence()
        let owned = try await place.ownedResources().deletable
        if owned.isEmpty { return console.say("nothing is left of \(place.ownerName)") }
        let report = OwnedResourcesReport(resources: owned, now: place.now)
        if let reason = objection(to: presence), !input.has("force") {
            console.say("left alone: \(report.count) of \(place.ownerName), \(reason)")
            exitCode = max(exitCode, ExitCode.negative)
            return
        }
        console.say("\(report.count) of \(place.ownerName):")
        for line in report.lines { console.say("  \(line)") }
        let cloud = place.cloud
        let sweep = Sweep(owned, of: place.owner, in: cloud.instances, cloud.taskObjects) { [console] in
            console.say("note: \($0)")
        }
        if order.isDryRun {
            for request in sweep.requests { console.put(request, cloud.calls) }
            return
        }
        try await console.confirm("Delete all of this?", isConfirmed: input.has("yes"))
        try await run(sweep, owned)
        // The owner's name is held until here.
        withExtendedLifetime(presence) {}
    }

    private func objection(to presence: DaemonPresence) -> String? {
        switch presence {
        case .absent: nil
        case .alive(let holder):
            "whose daemon runs on this host\(holder.map { ", as \($0)" } ?? ""); stop that first, or say --force"
        case .unknown:
            "whose daemon may run on another host, which cannot be seen from here; if it does not, say --force"
        }
    }

    private func run(_ sweep: Sweep, _ owned: OwnedResources) async throws(CommandError) {
        let console = console
        let total = owned.instances.count + owned.objects.count
        let deadline = Deadline.after(order.timeout)
        defer {
            deletedInstanceCount += owned.instances.count - sweep.outcome.instancesLeft
            deletedObjectCount += owned.objects.count - sweep.outcome.objectsLeft
        }
        try await inCloud(
            await sweep.run(until: deadline) { console.showProgress("deleting", done: $0, total: total) }
        )
        let left = sweep.outcome
        if left.isComplete { return }
        let count = OwnedResourcesReport.count(left.instancesLeft, left.objectsLeft)
        if left.isRefuted {
            console.say(
                "\(count) cannot be deleted: the service says that they are not there, and lists them; let an "
                    + "administrator allow 'Allow group <group> to manage compute-container-family in compartment "
                    + "id \(order.managers[0].compartmentID)'"
            )
            exitCode = ExitCode.noPermission
        } else {
            console.say(
                "\(count) are still there: the cloud did not accept every deletion in time; run the same "
                    + "command again, or give more --timeout"
            )
            exitCode = max(exitCode, ExitCode.unavailable)
        }
    }
}
