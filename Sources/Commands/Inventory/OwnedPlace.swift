// SPDX-License-Identifier: Apache-2.0

internal import CloudOwnership
internal import Configuration
internal import EventLoop
internal import OCIServices
internal import Transport

/// Whether the daemon of an owner is alive, as far as this host can tell.
///
/// A lock is the owner's name on this host, held: a daemon of that owner waits for it.
enum DaemonPresence: Sendable {
    /// A process of this host holds the owner's name: it is the daemon, or another reap; or a stranger, which must not be
    /// taken for either. Nil if it does not say who it is.
    case alive(NameHolder?)
    /// Nobody holds it, and the owner is one that only this host can be; as long as the value lives, no daemon starts.
    case absent(ProcessLock)
    /// Nobody of this host holds it, but a daemon on another may go by the same id, for it was chosen and not computed;
    /// or this host has no such names.
    case unknown(ProcessLock?)
}

/// Where one manager's instances and objects are in the cloud, and who owns them.
@LoopActor
struct OwnedPlace {
    private let console: Console
    let settings: Settings
    let cloud: Cloud
    let owner: Owner

    static func open(
        _ settings: Settings,
        _ console: Console,
        showsCalls: Bool = false
    ) async throws(CommandError) -> OwnedPlace {
        let cloud = try await Cloud.open(settings, console, showsCalls: showsCalls)
        return OwnedPlace(console: console, settings: settings, cloud: cloud, owner: Owner(settings))
    }

    var ownerName: String {
        if settings.ownerID != nil { return "owner \(owner.id)" }
        return "owner \(owner.id), which is manager \(settings.workerManagerID) for "
            + settings.schedulerAddress.description
    }

    /// What is the owner's, or any owner's in the same compartment and bucket.
    func ownedResources(ofAnyOwner: Bool = false) async throws(CommandError) -> OwnedResources {
        let owned = try await inCloud(
            await OwnedResources.find(
                of: ofAnyOwner ? nil : owner,
                prefix: settings.objectStoragePrefix,
                in: cloud.instances,
                cloud.taskObjects,
                deadline: .never
            )
        )
        if !owned.isBucketFound {
            console.say(
                "note: bucket '\(settings.objectStorageBucket)' is not there, or may not be seen with these credentials: "
                    + "only instances were looked for"
            )
        }
        return owned
    }

    /// Whether the owner's daemon lives; takes its name if it is free.
    func daemonPresence() -> DaemonPresence {
        var computed = settings
        computed.ownerID = nil
        do throws(TransportError) {
            guard let lock = try ProcessLock(named: owner.lockName) else {
                return .alive(NameHolder(of: owner.lockName))
            }
            return Owner(computed).id == owner.id ? .absent(lock) : .unknown(lock)
        } catch {
            return .unknown(nil)
        }
    }

    /// The moment by the services' clock.
    var now: Timestamp {
        Timestamp(
            millisecondsSinceEpoch: (Int(LoopClock.epochSeconds) + cloud.calls.clockOffsetSeconds) * 1000
        )
    }
}

struct OwnedResourcesOrder: Sendable {
    /// One for each manager of a configuration file, else one.
    let managers: [Settings]
    let isAnyOwner: Bool
    let isDryRun: Bool
    let timeout: Duration

    init(_ given: CommandInput) throws(CommandError) {
        let input = try given.withUsualFile()
        isAnyOwner = input.has("all-owners")
        isDryRun = input.has("dry-run")
        timeout = .seconds(try input.positiveNumber("timeout", unit: "seconds") ?? 600)
        managers = try Self.managers(input)
    }

    private static func managers(_ input: CommandInput) throws(CommandError) -> [Settings] {
        // For other flags an empty value means "not set". Here it is an unset shell variable, which must not mean another
        // owner.
        if input.text("owner-id")?.isEmpty == true {
            let text = "--owner-id: the value is empty; give an id, or leave the flag out"
            throw .configuration(.contradiction(text))
        }
        // An owner is known by its id, or by the manager and the scheduler that the id is made of.
        let needsManager = !input.has("all-owners") && !input.has("owner-id")
        let required = input.form.required + (needsManager ? ["worker-manager-id"] : [])
        var all = try input.managers(required: required)
        if let address = try input.schedulerAddress {
            for index in all.indices { all[index].schedulerAddress = address }
        } else if needsManager {
            for one in all where one.origins["scheduler-address"] == nil && one.ownerID == nil {
                let path = input.text("config")
                throw .configuration(.missingSettings(["--scheduler"], path: path, line: nil))
            }
        }
        return all
    }
}
