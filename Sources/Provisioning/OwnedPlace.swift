// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import EventLoop
internal import OCIServices
internal import Transport
internal import CloudOwnership

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

/// Where one manager's things are in the cloud, and whose they are.
@LoopActor
struct OwnedPlace {
    /// How long listing everything may take.
    private static let patience: Duration = .seconds(60)

    private let console: Console
    let settings: Settings
    let cloud: Cloud
    let owner: Owner
    let instances: ContainerInstances
    let objects: ObjectStorage

    /// Opens the cloud for a manager; `observe` is told of every call.
    static func open(
        _ settings: Settings,
        _ console: Console,
        observe: Cloud.Observer? = nil
    ) async throws(ProvisioningError) -> OwnedPlace {
        let cloud = try await Cloud.open(settings, console, observe: observe)
        let namespace = settings.objectStorageNamespace
        return OwnedPlace(
            console: console,
            settings: settings,
            cloud: cloud,
            owner: Owner(settings),
            instances: ContainerInstances(calls: cloud.calls, compartmentID: settings.compartmentID),
            objects: ObjectStorage(
                calls: cloud.calls,
                namespace: namespace.isEmpty ? cloud.namespace : namespace,
                bucket: settings.objectStorageBucket
            )
        )
    }

    /// The owner in words.
    var ownerName: String {
        if settings.ownerID != nil { return "owner \(owner.id)" }
        return "owner \(owner.id), which is manager \(settings.workerManagerID) for "
            + settings.schedulerAddress.description
    }

    /// What is the owner's, or any owner's in the same compartment and bucket.
    func belongings(ofAnyOwner isAny: Bool = false) async throws(ProvisioningError) -> OwnedResources {
        let place = self
        let belongings = try await inCloud { () async throws(OCIError) in
            try await OwnedResources.find(
                of: isAny ? nil : place.owner,
                prefix: place.settings.objectStoragePrefix,
                in: place.instances,
                place.objects,
                deadline: .after(Self.patience)
            )
        }
        if !belongings.isBucketFound {
            console.say(
                "note: bucket '\(settings.objectStorageBucket)' is not there, or may not be seen with these credentials: "
                    + "only instances were looked for"
            )
        }
        return belongings
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
