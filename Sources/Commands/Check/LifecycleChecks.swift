// SPDX-License-Identifier: Apache-2.0

internal import CloudOwnership
internal import Configuration
internal import Encodings
internal import EventLoop
internal import OCIServices
internal import TaskEngine
internal import TaskPayload
internal import Transport

/// Whether a container instance can be created, runs a task, and stores its result: everything at once, for real.
@LoopActor
final class LifecycleChecks {
    /// Between two looks at the instance.
    private static let pollInterval: Duration = .seconds(2)
    /// A result may be listed a little after its container has ended: so many looks later it is missing.
    private static let looksAfterStopMax = 2

    private let cloud: Cloud
    private let timeout: Duration
    private let taskID = LoopRandom.bytes(count: 16)
    private let start = Deadline.now

    init(_ cloud: Cloud, timeout: Duration) {
        self.cloud = cloud
        self.timeout = timeout
    }

    private var settings: Settings { cloud.settings }
    private var objects: ObjectStorage { cloud.taskObjects }
    private var instances: ContainerInstances { cloud.instances }
    private var prefix: String { "\(settings.objectStoragePrefix)/check" }
    private var resultName: String { RunnerEnvironment.resultObjectName(prefix: prefix, taskID: taskID) }

    var checks: [Check] {
        let container = Check("container", run: checkContainer).given(
            "compartment-id",
            "availability-domain",
            "subnet-id",
            "container-image",
            "object-storage-namespace",
            "object-storage-bucket",
            in: settings
        )
        return [container]
    }

    private func checkContainer() async throws(CommandError) -> CheckOutcome {
        let id = try await create()
        let work = spawnCatching { () async throws(CommandError) in try await self.result(of: id) }
        let result = await withTaskCancellationHandler {
            let value = await work.value
            return isCancelled ? nil : value
        } onCancel: {
            work.cancel()
        }
        await spawn { await self.deleteAll(id) }.value
        guard let result else { throw .cancelled }
        return try result.get()
    }

    private func create() async throws(CommandError) -> String {
        let domains = AvailabilityDomains(calls: cloud.calls, compartmentID: settings.compartmentID)
        let domain = try await checking(
            "the availability domain cannot be looked up",
            await domains.resolve(settings.availabilityDomains[0], deadline: cloud.deadline)
        )
        let launch = InstanceLaunch(
            settings,
            in: Placement(
                availabilityDomain: domain,
                subnetID: settings.subnetIDs[0],
                shape: settings.instanceShapes[0]
            ),
            ocpus: settings.instanceOCPUs,
            memoryGB: settings.instanceMemoryGB,
            displayName: "scaler-check-\(Hexadecimal.encode(Array(taskID.prefix(6))))",
            environment: environment,
            tags: [("scaler-check", "container")]
        )
        // A task of its own, so that cancelling does not reach it: only its answer tells what there is to delete.
        let answer = await spawnCatching { () async throws(CommandError) in
            let (token, limit) = (Hexadecimal.encode(self.taskID), Deadline.after(self.timeout))
            return try await checking(
                "a container instance cannot be created",
                await self.instances.create(launch, retryToken: token, deadline: limit).id
            )
        }.value
        return try answer.get()
    }

    /// `pow(6, 2)`, as a client with Scaler's default serializer would send it, in the oldest form of pickles.
    private var environment: RunnerEnvironment {
        let function = Array("cbuiltins\npow\n.".utf8)
        let arguments = [Array("I6\n.".utf8), Array("I2\n.".utf8)]
        let plan = PayloadPlan(
            taskID: taskID,
            serializer: DefaultSerializer.pickled,
            functionByteCount: function.count,
            argumentByteCounts: arguments.map(\.count)
        )
        return RunnerEnvironment(
            taskID: taskID,
            namespace: settings.objectStorageNamespace,
            bucket: settings.objectStorageBucket,
            prefix: prefix,
            payload: .inline(plan.assemble(function: function, arguments: arguments), isCompressed: false)
        )
    }

    private func result(of id: String) async throws(CommandError) -> CheckOutcome {
        let limit = start + timeout
        var looksAfterStop = 0
        var last: ContainerInstance?
        while !limit.isPast {
            let bytes = try await checking(
                "the result cannot be read",
                await objects.get(resultName, limit: 1 << 20, deadline: cloud.deadline)
            )
            if let bytes { return judge(bytes) }
            let instance = try await checking(
                "the container instance cannot be read",
                await instances.get(id, deadline: cloud.deadline)
            )
            last = instance ?? last
            if instance == nil || instance?.lifecycleState.isStopped == true { looksAfterStop += 1 }
            if looksAfterStop > Self.looksAfterStopMax {
                return .failed(.endedContainer(await ended(id, last), settings))
            }
            do throws(WaitError) { try await sleep(for: Self.pollInterval) } catch { throw .cancelled }
        }
        return timedOut(in: last?.lifecycleState)
    }

    private func timedOut(in state: LifecycleState?) -> CheckOutcome {
        let seconds = timeout.components.seconds
        if state == .creating {
            return .failed(
                "the container instance is still being created after \(seconds) s",
                why: "either its image cannot be pulled from the subnet, or a service limit leaves no room",
                remedy:
                    "check the limits of Container Instances in this region and availability domain, lower "
                    + "--base-concurrency or request a limit increase; check that the subnet reaches the registry"
            )
        }
        return .failed(
            "the container did not store a result within \(seconds) s",
            why: "its instance is \(state?.name ?? "not to be seen")",
            remedy:
                "check that the subnet reaches Object Storage (service gateway or NAT), or raise --timeout"
        )
    }

    private func judge(_ bytes: [UInt8]) -> CheckOutcome {
        let remedy = "build the image anew with scaler-oci-hpc build-image"
        switch try? TaskOutcome.parse(bytes) {
        // A pickled 36 ends with it and a stop: BININT1, 36, STOP.
        case .result(_, _, let range)? where bytes[range].suffix(3) == [0x4B, 36, 0x2E]:
            let seconds = Deadline.now.duration(since: start).components.seconds
            return .passed("created, ran a task and stored its result in \(seconds) s")
        case .containerError(let error)?:
            return .failed("the image's job runner could not run a task", why: error.error, remedy: remedy)
        case .result?, .exception?, nil:
            let what = "the image's job runner stored something else than the result"
            return .failed(what, why: "6 to the power of 2 was asked for", remedy: remedy)
        }
    }

    private func ended(_ id: String, _ instance: ContainerInstance?) async -> EndedInstance {
        var container: Container?
        if let containerID = instance?.containerIDs.first {
            container = try? await instances.container(containerID, deadline: cloud.deadline)
        }
        return EndedInstance(
            id: id,
            state: instance?.lifecycleState.name,
            details: instance?.lifecycleDetails,
            exitCode: container?.exitCode,
            containerDetails: container?.lifecycleDetails
        )
    }

    private func deleteAll(_ id: String) async {
        let limit = Deadline.after(.seconds(60))
        while !limit.isPast {
            do throws(OCIError) {
                _ = try await instances.delete(id, deadline: limit)
                break
            } catch {
                // OCI refuses the deletion while the instance is being created; it is repeated until OCI accepts it.
                guard error.isRetryable, (try? await sleep(for: .seconds(1))) != nil else { break }
            }
        }
        _ = try? await objects.delete(resultName, deadline: .after(.seconds(20)))
    }
}

extension Diagnostic {
    /// What a container that ended without a result tells.
    static func endedContainer(_ ended: EndedInstance, _ settings: Settings) -> Diagnostic {
        let image = settings.containerImage
        let told = ended.serviceText.isEmpty ? "" : ": \(ended.serviceText)"
        let instance = "its instance is \(ended.state ?? "gone")"
        let exitCode = ended.exitCode.map(String.init) ?? "unknown"
        let (what, why, remedy) =
            switch ended.cause {
            case .noRoom:
                (
                    "there is no room for a container instance", "the service says\(told)",
                    "name more availability domains or shapes, or try again later"
                )
            case .notStarted:
                (
                    "the container did not start", "\(instance)\(told)",
                    "check that image \(image) exists in this region and that the subnet reaches the "
                        + "registry (service gateway, NAT or public address); for a private repository give "
                        + "--image-pull-secret-id, or allow the dynamic group to 'read repos'"
                )
            case .storageUnreachable, .nothingStored:
                (
                    "the container could not store its result", "it ended with exit code \(exitCode)\(told)",
                    "check the dynamic group of the container instances and its policy 'Allow "
                        + "dynamic-group <group> to manage objects in compartment id \(settings.compartmentID)', "
                        + "which scaler-oci-hpc provision makes, and that the subnet reaches Object Storage"
                )
            case .outOfMemory:
                (
                    "the container was killed", "exit code 137\(told), as a rule for want of memory",
                    "raise --instance-memory-gb"
                )
            case .signal, .ended, .unknown:
                (
                    "the container ended without a result", "\(instance), exit code \(exitCode)\(told)",
                    "check that image \(image) holds the job runner: build it with scaler-oci-hpc build-image"
                )
            }
        return Diagnostic(what, why: why, remedy: remedy)
    }
}
