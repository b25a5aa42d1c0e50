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
    /// What the task printed, as `PrintedPiece` reads it; empty unless the client asked for it.
    let output: [UInt8]

    init(
        isSuccess: Bool,
        object: [UInt8],
        profile: SchedulerMessages.ProfileResult?,
        output: [UInt8] = []
    ) {
        self.isSuccess = isSuccess
        self.object = object
        self.profile = profile
        self.output = output
    }

    /// Reads what a container stored; bytes that make no sense become a failure that says so.
    static func reading(_ stored: [UInt8], limit: Int) async -> TaskAnswer {
        do {
            let pickle =
                stored.starts(with: Gzip.magic) ? try await Gzipped.expand(stored, limit: limit) : stored
            return TaskAnswer(try TaskOutcome.parse(pickle), in: pickle)
        } catch let error as CompressionError {
            return TaskFailure.unreadableResult("\(error)").answer
        } catch let error as TaskPayloadError {
            return TaskFailure.unreadableResult("\(error)").answer
        } catch {
            preconditionFailure("neither gzip nor the pickle reader throws \(error)")
        }
    }

    private init(_ outcome: TaskOutcome, in pickle: [UInt8]) {
        switch outcome {
        case .result(let profile, let output, let payload):
            self.init(true, profile, Array(pickle[output]), Array(pickle[payload]))
        case .exception(let profile, let output, let payload):
            self.init(false, profile, Array(pickle[output]), Array(pickle[payload]))
        case .containerError(let error):
            let exception =
                error.saysProcessDied ? FailurePickle.ExceptionName.processorDiedError : .runtimeError
            self = TaskFailure(exception, error.clientText).answer
        }
    }
}

extension TaskAnswer {
    /// What the trampoline returned, with its profile as the metadata of a TaskResult.
    private init(
        _ isSuccess: Bool,
        _ profile: TaskPayload.ProfileResult,
        _ output: [UInt8],
        _ object: [UInt8]
    ) {
        let wire = SchedulerMessages.ProfileResult(
            durationSeconds: profile.seconds,
            memoryPeakBytes: profile.peakMemoryBytes,
            cpuSeconds: profile.processorSeconds
        )
        self.init(isSuccess: isSuccess, object: object, profile: wire, output: output)
    }
}
