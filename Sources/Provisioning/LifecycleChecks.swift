// SPDX-License-Identifier: Apache-2.0

internal import CloudOwnership
internal import Configuration
internal import Encodings
internal import EventLoop
internal import OCIServices
internal import TaskPayload
internal import Transport

/// Whether a container instance can be created, runs a task, and stores its result: everything at once, for real.
@LoopActor
final class LifecycleChecks {
    /// Between two looks at the instance.
    private static let beat: Duration = .seconds(2)
    /// A result may be listed a little after its container has ended.
    private static let graceRounds = 2

    private let run: CheckRun
    private let cloud: Cloud
    private let taskID: [UInt8]
    private let objects: ObjectStorage
    private let instances: ContainerInstances

    init(_ run: CheckRun, _ cloud: Cloud) {
        self.run = run
        self.cloud = cloud
        taskID = secureRandomBytes(count: 16)
        objects = ObjectStorage(
            calls: cloud.calls,
            namespace: cloud.settings.objectStorageNamespace,
            bucket: cloud.settings.objectStorageBucket
        )
        instances = ContainerInstances(calls: cloud.calls, compartmentID: cloud.settings.compartmentID)
    }

    private var settings: Settings { cloud.settings }
    private var prefix: String { "\(settings.objectStoragePrefix)/check" }
    private var resultName: String { RunnerEnvironment.resultObjectName(prefix: prefix, taskID: taskID) }

    func perform() async throws(ProvisioningError) {
        let start = Deadline.now
        try await run.check("container", .lifecycle) { () async throws(CheckFault) in
            let instance = try await create()
            let verdict = spawn { await self.awaitResult(instance, since: start) }
            let outcome = await verdict.valueOrCancelled()
            await self.leaveNothing(instance)
            guard let outcome else { throw .cancelled }
            return try outcome.get()
        }
    }

    // MARK: - Creating

    private func create() async throws(CheckFault) -> String {
        let settings = settings
        let cloud = cloud
        let domain = try await checking("the availability domain cannot be looked up") {
            () async throws(OCIError) in
            try await AvailabilityDomains(calls: cloud.calls, compartmentID: settings.compartmentID)
                .resolve(settings.availabilityDomains[0], deadline: cloud.deadline)
        }
        var launch = InstanceLaunch(
            compartmentID: settings.compartmentID,
            availabilityDomain: domain,
            displayName: "scaler-check-\(Hexadecimal.encode(Array(taskID.prefix(6))))",
            shape: settings.instanceShapes[0],
            ocpus: settings.instanceOCPUs,
            memoryGB: settings.instanceMemoryGB,
            subnetID: settings.subnetIDs[0],
            imageURL: settings.containerImage
        )
        launch.environment = environment.variables
        launch.freeformTags =
            settings.freeformTags.map { ($0.key, $0.value) } + [("scaler-check", "container")]
        launch.imagePullSecrets = ImagePullSecret.all(for: settings)
        let (body, token, instances) = (launch, Hexadecimal.encode(taskID), instances)
        let limit = Deadline.after(run.order.timeout)
        // Work of its own, for only its answer tells what there is to delete.
        let call = spawn { () async -> Result<ContainerInstance, OCIError> in
            do throws(OCIError) {
                return .success(try await instances.create(body, retryToken: token, deadline: limit))
            } catch {
                return .failure(error)
            }
        }
        switch await call.value {
        case .success(let instance): return instance.id
        case .failure(let error): throw CheckFault("a container instance cannot be created", error)
        }
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

    // MARK: - Waiting

    private func awaitResult(_ id: String, since start: Deadline) async -> Result<String, CheckFault> {
        do throws(CheckFault) {
            let limit = start + run.order.timeout
            var roundsAfterStop = 0
            var last: ContainerInstance?
            while !limit.isPast {
                if let bytes = try await result() { return .success(try verdict(bytes, start)) }
                let cloud = cloud
                let instances = instances
                let instance = try await checking("the container instance cannot be read") {
                    () async throws(OCIError) in
                    try await instances.get(id, deadline: cloud.deadline)
                }
                last = instance ?? last
                if instance == nil || instance?.lifecycleState.isStopped == true { roundsAfterStop += 1 }
                if roundsAfterStop > Self.graceRounds { throw .failed(await diagnosis(id, last)) }
                do throws(WaitError) { try await sleep(for: Self.beat) } catch { throw .cancelled }
            }
            throw .failed(lateness(last))
        } catch {
            return .failure(error)
        }
    }

    private func result() async throws(CheckFault) -> [UInt8]? {
        let (objects, name, cloud) = (objects, resultName, cloud)
        return try await checking("the result cannot be read") { () async throws(OCIError) in
            try await objects.get(name, limit: 1 << 20, deadline: cloud.deadline)
        }
    }

    private func verdict(_ bytes: [UInt8], _ start: Deadline) throws(CheckFault) -> String {
        let seconds = Deadline.now.duration(since: start).components.seconds
        switch try? TaskOutcome.parse(bytes) {
        case .result(_, _, let range)?:
            // A pickled 36 ends with it and a stop: BININT1, 36, STOP.
            guard bytes[range].suffix(3) == [0x4B, 36, 0x2E] else { break }
            return "created, ran a task and stored its result in \(seconds) s"
        case .containerError(let error)?:
            throw .failed(
                Complaint(
                    "the image's job runner could not run a task",
                    why: error.error,
                    remedy: "build the image anew with scaler-oci-hpc build-image"
                )
            )
        case .exception?, nil: break
        }
        throw .failed(
            Complaint(
                "the image's job runner stored something else than the result",
                why: "6 to the power of 2 was asked for",
                remedy: "build the image anew with scaler-oci-hpc build-image"
            )
        )
    }

    // MARK: - What went wrong

    private func diagnosis(_ id: String, _ instance: ContainerInstance?) async -> Complaint {
        let deadline = cloud.deadline
        var container: Container?
        if let containerID = instance?.containerIDs.first {
            container = try? await instances.container(containerID, deadline: deadline)
        }
        let details = [instance?.lifecycleDetails, container?.lifecycleDetails].compactMap(\.self)
            .filter { !$0.isEmpty }.joined(separator: "; ")
        return LifecycleComplaint.stopped(
            image: settings.containerImage,
            state: instance?.lifecycleState,
            exitCode: container?.exitCode,
            details: details,
            settings: settings
        )
    }

    private func lateness(_ instance: ContainerInstance?) -> Complaint {
        let timeout = run.order.timeout.components.seconds
        guard instance?.lifecycleState == .creating else {
            return Complaint(
                "the container did not store a result within \(timeout) s",
                why: "its instance is \(instance?.lifecycleState.name ?? "not to be seen")",
                remedy:
                    "check that the subnet reaches Object Storage (service gateway or NAT), or raise --timeout"
            )
        }
        return Complaint(
            "the container instance is still being created after \(timeout) s",
            why: "either its image cannot be pulled from the subnet, or a service limit leaves no room",
            remedy: "check the limits of Container Instances in this region and availability domain, lower "
                + "--base-concurrency or request a limit increase; check that the subnet reaches the registry"
        )
    }

    /// Deletes the instance and the result, even when the check was cancelled.
    private func leaveNothing(_ id: String) async {
        let (instances, objects, name) = (instances, objects, resultName)
        let work = spawn { () async -> Void in
            let limit = Deadline.after(.seconds(60))
            while !limit.isPast {
                do throws(OCIError) {
                    _ = try await instances.delete(id, deadline: limit)
                    break
                } catch {
                    // Refused while it is being made; asked again until it is taken.
                    guard error.isRetryable, (try? await sleep(for: .seconds(1))) != nil else { break }
                }
            }
            _ = try? await objects.delete(name, deadline: .after(.seconds(20)))
        }
        await work.value
    }
}

extension Spawned {
    /// The value, or nil when the caller was cancelled meanwhile; the work is then cancelled and over.
    fileprivate func valueOrCancelled() async -> Value? {
        await withTaskCancellationHandler {
            let value = await self.value
            return isCancelled ? nil : value
        } onCancel: {
            self.cancel()
        }
    }
}
