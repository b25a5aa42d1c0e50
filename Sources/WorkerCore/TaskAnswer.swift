// SPDX-License-Identifier: Apache-2.0

internal import Compression
internal import SchedulerMessages
internal import TaskPayload

/// What a task is answered with: an object for the client, and whether it is a result or an exception.
struct TaskAnswer: Equatable {
    let isSuccess: Bool
    let object: [UInt8]
    /// What the run cost, where a container told.
    let profile: SchedulerMessages.ProfileResult?

    init(isSuccess: Bool, object: [UInt8], profile: SchedulerMessages.ProfileResult?) {
        self.isSuccess = isSuccess
        self.object = object
        self.profile = profile
    }

    /// Reads what a container stored; bytes that make no sense become a failure that says so.
    init(storedResult bytes: [UInt8], limit: Int) {
        do {
            let pickle = bytes.starts(with: Gzip.magic) ? try Gzip.decompress(bytes, limit: limit) : bytes
            self.init(try TaskOutcome.parse(pickle), in: pickle)
        } catch let error as CompressionError {
            self = TaskFailure.unreadableResult("\(error)").answer
        } catch let error as TaskPayloadError {
            self = TaskFailure.unreadableResult("\(error)").answer
        } catch {
            preconditionFailure("neither gzip nor the pickle reader throws \(error)")
        }
    }

    private init(_ outcome: TaskOutcome, in pickle: [UInt8]) {
        switch outcome {
        case .result(let profile, let payload):
            self.init(isSuccess: true, object: Array(pickle[payload]), profile: Self.wire(profile))
        case .exception(let profile, let payload):
            self.init(isSuccess: false, object: Array(pickle[payload]), profile: Self.wire(profile))
        case .containerError(let error):
            let exception =
                error.saysProcessDied ? FailurePickle.ExceptionName.processorDiedError : .runtimeError
            self = TaskFailure(exception, error.clientText).answer
        }
    }
}

extension TaskAnswer {
    /// The container's profile as the metadata of a TaskResult.
    private static func wire(_ profile: TaskPayload.ProfileResult) -> SchedulerMessages.ProfileResult {
        SchedulerMessages.ProfileResult(
            durationSeconds: profile.seconds,
            memoryPeakBytes: profile.peakMemoryBytes,
            cpuSeconds: profile.processorSeconds
        )
    }
}

/// A task's payload as it travels: compressed where that is worth it.
struct PackedPayload {
    let bytes: [UInt8]
    let isCompressed: Bool

    init(_ inputs: TaskInputs, taskID: [UInt8]) {
        let plan = PayloadPlan(
            taskID: taskID,
            serializer: inputs.serializer,
            functionByteCount: inputs.function.count,
            argumentByteCounts: inputs.arguments.map(\.count)
        )
        let pickle = plan.assemble(function: inputs.function, arguments: inputs.arguments)
        isCompressed = pickle.count > RunnerEnvironment.compressionThresholdBytes
        bytes = isCompressed ? Gzip.compress(pickle) : pickle
    }

    /// Whether it fits into the container's environment.
    var isInline: Bool {
        bytes.count <= RunnerEnvironment.inlineBytesMax
    }
}
