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
    private let taskID: [UInt8]
    private let objects: ObjectStorage
    private let instances: ContainerInstances
    private let start = Deadline.now

    init(_ cloud: Cloud, timeout: Duration) {
        self.cloud = cloud
        self.timeout = timeout
        taskID = secureRandomBytes(count: 16)
        objects = cloud.taskObjects
        instances = cloud.instances
    }

    private var settings: Settings { cloud.settings }
    private var prefix: String { "\(settings.objectStoragePrefix)/check" }
    private var resultName: String { RunnerEnvironment.resultObjectName(prefix: prefix, taskID: taskID) }

    var checks: [Check] { [Check("container", run: checkContainer)] }

    private func checkContainer() async throws(CommandError) -> CheckOutcome {
        let id = try await create()
        let result = await cancellableValue(of: spawn { await self.awaitResult(of: id) })
        await spawn { await self.deleteAll(id) }.value
        guard let result else { throw .cancelled }
        return try result.get()
    }

    // MARK: - Creating

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
        let answer = await spawn { await self.create(launch) }.value
        return try await checking("a container instance cannot be created", try answer.get())
    }

    private func create(_ launch: InstanceLaunch) async -> Result<String, OCIError> {
        let (token, limit) = (Hexadecimal.encode(taskID), Deadline.after(timeout))
        do throws(OCIError) {
            return .success(try await instances.create(launch, retryToken: token, deadline: limit).id)
        } catch {
            return .failure(error)
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

    private func awaitResult(of id: String) async -> Result<CheckOutcome, CommandError> {
        do throws(CommandError) { return .success(try await result(of: id)) } catch { return .failure(error) }
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
        let isCreating = last?.lifecycleState == .creating
        return .failed(
            isCreating ? .stillCreating(after: timeout) : .noResult(within: timeout, last?.lifecycleState)
        )
    }

    private func judge(_ bytes: [UInt8]) -> CheckOutcome {
        switch try? TaskOutcome.parse(bytes) {
        // A pickled 36 ends with it and a stop: BININT1, 36, STOP.
        case .result(_, _, let range)? where bytes[range].suffix(3) == [0x4B, 36, 0x2E]:
            let seconds = Deadline.now.duration(since: start).components.seconds
            return .passed("created, ran a task and stored its result in \(seconds) s")
        case .containerError(let error)?: return .failed(.brokenRunner(why: error.error))
        case .result?, .exception?, nil: return .failed(.wrongResult)
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

    /// Deletes the instance and the result.
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

/// The value, or nil when the caller was cancelled meanwhile; the work is then cancelled, and has ended.
@LoopActor
private func cancellableValue<Value: Sendable>(of work: Spawned<Value>) async -> Value? {
    await withTaskCancellationHandler {
        let value = await work.value
        return isCancelled ? nil : value
    } onCancel: {
        work.cancel()
    }
}
