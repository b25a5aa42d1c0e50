// SPDX-License-Identifier: Apache-2.0

internal import CloudOwnership
internal import Configuration
internal import EventLoop
internal import OCIServices
internal import Transport

/// Whether the daemon of an owner is alive, as far as this host can tell.
enum DaemonPresence: Sendable {
    /// A process of this host holds the owner's name: it is the daemon, or another reap.
    case alive
    /// Nobody holds it, and the owner is one that only this host can be; as long as the value lives, no daemon starts.
    case absent(OwnerClaim)
    /// Nobody of this host holds it, but a daemon on another may go by the same id, for it was chosen and not computed;
    /// or this host has no such names.
    case unknown(OwnerClaim?)
}

/// The owner's name on this host, held: a daemon of that owner waits for it.
final class OwnerClaim: Sendable {
    private let lock: ProcessLock

    init(_ lock: consuming ProcessLock) { self.lock = lock }
}

/// Where one manager's instances and objects are in the cloud, and who owns them.
@LoopActor
struct OwnedPlace {
    private static let listTimeout: Duration = .seconds(60)

    private let console: Console
    let settings: Settings
    let cloud: Cloud
    let owner: Owner

    static func open(
        _ settings: Settings,
        _ console: Console,
        _ visibility: Cloud.Visibility = .silent
    ) async throws(CommandError) -> OwnedPlace {
        let cloud = try await Cloud.open(settings, console, visibility)
        return OwnedPlace(console: console, settings: settings, cloud: cloud, owner: Owner(settings))
    }

    var ownerName: String {
        if settings.ownerID != nil { return "owner \(owner.id)" }
        return "owner \(owner.id), which is manager \(settings.workerManagerID) for "
            + settings.schedulerAddress.description
    }

    enum Whose { case owner, anyOwner }

    /// What is the owner's, or any owner's in the same compartment and bucket.
    func ownedResources(of whose: Whose = .owner) async throws(CommandError) -> OwnedResources {
        let owned = try await inCloud(
            await OwnedResources.find(
                of: whose == .owner ? owner : nil,
                prefix: settings.objectStoragePrefix,
                in: cloud.instances,
                cloud.taskObjects,
                deadline: .after(Self.listTimeout)
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
        let claim: OwnerClaim
        do throws(TransportError) {
            guard let lock = try ProcessLock(named: owner.lockName) else { return .alive }
            claim = OwnerClaim(lock)
        } catch {
            return .unknown(nil)
        }
        var computed = settings
        computed.ownerID = nil
        return Owner(computed).id == owner.id ? .absent(claim) : .unknown(claim)
    }

    /// The moment by the services' clock.
    var now: Timestamp {
        Timestamp(
            millisecondsSinceEpoch: (Int(LoopClock.epochSeconds) + cloud.calls.clockOffsetSeconds) * 1000
        )
    }
}
