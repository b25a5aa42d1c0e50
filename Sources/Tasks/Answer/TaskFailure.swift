// SPDX-License-Identifier: Apache-2.0

internal import CloudOwnership
internal import EventLoop
internal import OCIServices
internal import TaskEngine
internal import TaskPayload
internal import Transport

/// Why the straight line of a task was left.
enum TaskInterruption: Error {
    /// Nobody wants the answer.
    case cancelled
    /// The task is answered with this error.
    case failed(TaskFailure)
    /// This host has no room for an object now; only inside of `Workspace.run`, which does the step again.
    case short(TransportError)

    /// What a call to OCI that failed means for the task: `failure` says it to the client.
    init(_ error: OCIError, _ failure: (OCIError) -> TaskFailure) {
        if case .cancelled = error { self = .cancelled } else { self = .failed(failure(error)) }
    }

    /// What it means for the task that an object could not be written to a file, or read from one.
    init(_ error: TransportError) {
        self = error.isFileShortage ? .short(error) : .failed(.noRoomForObject(error))
    }
}

/// Why a task has no result: what the client's exception says, and of which class it is.
///
/// Each text names what happened, where to look (instance, request id), and what to do next.
struct TaskFailure: Error, Equatable {
    let exception: FailurePickle.ExceptionName
    let text: String
    /// The part of the text that says what to do next; empty where a container wrote the text.
    let remedy: String
    let outcome: TaskStatistics.Outcome

    init(
        _ exception: FailurePickle.ExceptionName,
        _ text: String,
        remedy: String = "",
        _ outcome: TaskStatistics.Outcome = .failed
    ) {
        self.exception = exception
        self.text = text
        self.remedy = remedy
        self.outcome = outcome
    }

    /// A failure in two parts: what happened, and what to do next.
    private init(
        _ exception: FailurePickle.ExceptionName,
        what happened: String,
        toDo remedy: String,
        _ outcome: TaskStatistics.Outcome = .failed
    ) {
        self.init(exception, "\(happened) \(remedy)", remedy: remedy, outcome)
    }

    /// A failure for a call to OCI, whose own words end with the remedy as a rule; `otherwise` is said where they do not.
    private init(
        _ exception: FailurePickle.ExceptionName,
        _ happened: String,
        _ error: OCIError,
        otherwise remedy: String,
        _ outcome: TaskStatistics.Outcome = .failed
    ) {
        if let advice = error.advice {
            self.init(exception, "\(happened): \(error)", remedy: advice, outcome)
        } else {
            self.init(exception, what: "\(happened): \(error).", toDo: remedy, outcome)
        }
    }

    static func missingInput(what: String, objectID: String) -> TaskFailure {
        TaskFailure(
            .runtimeError,
            what: "The \(what) of the task (object \(objectID)) never arrived in Scaler's object storage.",
            toDo: "As a rule the client that submitted it is gone; submit the task again."
        )
    }

    static func unreadableTask(_ reason: String) -> TaskFailure {
        TaskFailure(
            .valueError,
            what: "The scheduler sent a task that cannot be run: \(reason).",
            toDo: "Check that client and scheduler run the same release of Scaler.",
            .refused
        )
    }

    static func unstoredPayload(_ error: OCIError) -> TaskFailure {
        TaskFailure(
            .connectionError,
            "The task's payload could not be stored in OCI Object Storage, so no container was started",
            error,
            otherwise: "Run `scaler-oci-hpc check --phase storage`, and submit the task again."
        )
    }

    static func refusedLaunch(_ error: OCIError) -> TaskFailure {
        TaskFailure(
            error.kind?.isPermission == true ? .permissionError : .runtimeError,
            "OCI refused to create the task's container instance",
            error,
            otherwise: "Run `scaler-oci-hpc check`, and submit the task again.",
            .refused
        )
    }

    static func unansweredLaunch(_ error: OCIError) -> TaskFailure {
        let hours = Launcher.outageTimeout.seconds / 3600
        return TaskFailure(
            .connectionError,
            "OCI could not be reached for \(hours) hours to create the task's container instance",
            error,
            otherwise: "Submit the task again when OCI answers."
        )
    }

    static func foreignInstance(_ id: String) -> TaskFailure {
        TaskFailure(
            .runtimeError,
            what:
                "OCI answered the create of the task's container instance with \(id), which is another task's.",
            toDo: "Submit the task again; if it happens again, look for a proxy that mixes up answers."
        )
    }

    static func deletedLaunch(_ count: Int) -> TaskFailure {
        TaskFailure(
            .runtimeError,
            what: "OCI created the task's container instance \(count) times and each was deleted at once.",
            toDo: "Check what in the compartment deletes instances.",
            .instanceEnded
        )
    }

    static func unfetchedResult(_ error: OCIError) -> TaskFailure {
        TaskFailure(
            .connectionError,
            "The task ended, but its result could not be read from OCI Object Storage",
            error,
            otherwise: "Run `scaler-oci-hpc check --phase storage`, and submit the task again."
        )
    }

    static func vanishedResult(_ name: String) -> TaskFailure {
        let remedy = """
            Check that the bucket's lifecycle rule keeps objects longer than a task runs, and that nobody else uses the \
            prefix.
            """
        return TaskFailure(
            .runtimeError,
            what: "The task ended, but its result \(name) was deleted before it could be read.",
            toDo: remedy,
            .instanceEnded
        )
    }

    static func unreadableResult(_ reason: String) -> TaskFailure {
        TaskFailure(
            .runtimeError,
            what: "The task ended, but what its container stored cannot be understood: \(reason).",
            toDo: "Check that the image holds this project's job runner, or one that keeps its contract."
        )
    }

    static func vanishedInstance(_ instance: ListedInstance) -> TaskFailure {
        let what = """
            Container instance \(instance.id) vanished before it stored a result; it was last seen \(instance.state).
            """
        let remedy = """
            Someone, or a rule of the tenancy, deleted it: \
            look for DeleteContainerInstance in the tenancy's audit log, and submit the task again.
            """
        return TaskFailure(.runtimeError, what: what, toDo: remedy, .instanceEnded)
    }

    static func endedInstance(_ instance: EndedInstance) -> TaskFailure {
        TaskFailure(
            instance.cause == .outOfMemory ? .memoryError : .runtimeError,
            instance.text,
            remedy: instance.remedy,
            .instanceEnded
        )
    }

    static func misfitSize(_ reason: String) -> TaskFailure {
        TaskFailure(
            .valueError,
            what: "No container instance can have the size that the task asks for: \(reason).",
            toDo: "Change its capabilities 'ocpus' and 'memory_gb', or the manager's --instance-shape.",
            .refused
        )
    }

    static func noRoomForObject(_ error: TransportError) -> TaskFailure {
        let remedy = """
            Large objects pass through its temporary directory (TMPDIR, else /var/tmp), which needs room for them.
            """
        return TaskFailure(
            .connectionError,
            what: "An object of the task could not be kept on the worker manager's host: \(error).",
            toDo: remedy
        )
    }

    /// This host had no room for the task's inputs for all that time.
    static func noRoomForInputs(_ error: TransportError, _ time: Duration) -> TaskFailure {
        let what = """
            For \(time.seconds) s (--job-timeout-seconds) the worker manager's host had no room for the inputs of the \
            task: \(error).
            """
        let remedy = """
            Have space freed in its temporary directory (TMPDIR, else /var/tmp), or the limit raised that \
            the error names, and submit the task again.
            """
        return TaskFailure(.connectionError, what: what, toDo: remedy)
    }

    /// This host had no room for the task's result for all that time; the result stays in the bucket under `name`.
    static func noRoomForResult(_ name: String, _ error: TransportError, _ time: Duration) -> TaskFailure {
        let what = """
            The task ended, but for \(time.seconds) s (--job-timeout-seconds) the worker manager's host had no room for \
            its result: \(error). The result stays in the bucket as \(name) until the bucket's lifecycle rule deletes it.
            """
        let remedy = """
            Have space freed in the host's temporary directory (TMPDIR, else /var/tmp), or the limit raised that the error \
            names.
            """
        return TaskFailure(.connectionError, what: what, toDo: remedy)
    }

    static func createTimeout(_ limit: Duration, _ instance: ListedInstance) -> TaskFailure {
        let what = """
            Container instance \(instance.id) was not running after \(limit.seconds) s \
            (--create-timeout-seconds); its state is \(instance.state)\(details(instance)).
            """
        let remedy =
            "Check that the image can be pulled from the subnet and that the service limits leave room."
        return TaskFailure(.timeoutError, what: what, toDo: remedy, .timeLimit)
    }

    static func jobTimeout(_ limit: Duration, _ instanceID: String) -> TaskFailure {
        let what = """
            The task ran longer than \(limit.seconds) s (--job-timeout-seconds) in container instance \
            \(instanceID), which is being deleted.
            """
        return TaskFailure(.timeoutError, what: what, toDo: "Raise the limit or divide the task.", .timeLimit)
    }

    /// `lifecycleDetails` as a half sentence, if the cloud gave any.
    private static func details(_ instance: ListedInstance) -> String {
        guard let details = instance.details, !details.isEmpty else { return "" }
        return " (\(details))"
    }

    @LoopActor var answer: TaskAnswer {
        TaskAnswer(
            outcome: outcome,
            object: Blob(FailurePickle.encode(exception, text)),
            profile: nil,
            failure: self
        )
    }
}

extension Duration {
    /// Whole seconds, rounded down.
    fileprivate var seconds: Int64 { components.seconds }
}
