// SPDX-License-Identifier: Apache-2.0

import CloudOwnership
import EventLoop
import TaskEngine
import TaskPayload
import TestSupport
import Testing
import Transport

@testable import OCIServices
@testable import Tasks

@Suite struct TaskFailureTests {
    private static let instance = ListedInstance(
        id: "ocid1.instance.a",
        task: TaskKey("01"),
        phase: .creating,
        state: "CREATING",
        details: "pulling the image",
        createdAt: .zero
    )

    private static func refusal(
        _ status: Int,
        _ code: String,
        _ operation: Operation = .createContainerInstance
    ) -> OCIError {
        .service(
            ServiceFailure(
                operation: operation,
                status: status,
                code: code,
                message: "the service's words",
                opcRequestID: "opc-1"
            )
        )
    }

    private static func ended(_ exitCode: Int?, _ details: String? = nil) -> TaskFailure {
        .endedInstance(
            EndedInstance(
                id: instance.id,
                state: "INACTIVE",
                details: details,
                exitCode: exitCode,
                lastOutput: "the last line"
            )
        )
    }

    /// Each failure, the class of its exception, and words for what happened, where to look and what to do next.
    private static let table: [(TaskFailure, FailurePickle.ExceptionName, [String])] = [
        (
            .missingInput(what: "argument 2", objectID: "ab12"), .runtimeError,
            ["argument 2", "object ab12", "never arrived", "submit the task again"]
        ),
        (
            .unreadableTask("its function is no object"), .valueError,
            ["cannot be run", "its function is no object", "Check that"]
        ),
        (
            .unstoredPayload(refusal(404, "BucketNotFound", .putObject)), .connectionError,
            ["payload could not be stored", "no container was started", "opc-1", "Allow group"]
        ),
        (
            .refusedLaunch(refusal(404, "NotAuthorizedOrNotFound")), .permissionError,
            ["refused to create", "the service's words", "opc-1", "Allow group"]
        ),
        (
            .refusedLaunch(refusal(400, "InvalidParameter")), .runtimeError,
            ["refused to create", "the service's words", "opc-1", "check the identifiers"]
        ),
        (
            .unansweredLaunch(refusal(429, "TooManyRequests")), .connectionError,
            ["could not be reached for 12 hours", "opc-1", "--max-requests-per-second"]
        ),
        (
            .foreignInstance("ocid1.instance.b"), .runtimeError,
            ["ocid1.instance.b", "another task's", "Submit the task again"]
        ),
        (
            .deletedLaunch(20), .runtimeError,
            ["20 times", "deleted at once", "Check what in the compartment deletes instances"]
        ),
        (
            .unfetchedResult(refusal(403, "NotAuthorized", .getObject)), .connectionError,
            ["could not be read", "opc-1", "Allow group"]
        ),
        (
            .vanishedResult("p/results/01.pkl"), .runtimeError,
            ["p/results/01.pkl", "deleted before it could be read", "Check that the bucket's lifecycle rule"]
        ),
        (
            .unreadableResult("a dict"), .runtimeError,
            ["cannot be understood: a dict", "Check that the image"]
        ),
        (
            .vanishedInstance(instance), .runtimeError,
            [instance.id, "vanished", "CREATING", "DeleteContainerInstance", "submit the task again"]
        ),
        (
            .misfitSize("the shape has 1 to 64 OCPUs, not 100"), .valueError,
            ["1 to 64 OCPUs, not 100", "'ocpus' and 'memory_gb'", "--instance-shape"]
        ),
        (
            .noRoomForObject(.closed), .connectionError,
            ["could not be kept on the worker manager's host", "\(TransportError.closed)", "TMPDIR"]
        ),
        (
            .createTimeout(.seconds(900), instance), .timeoutError,
            [
                instance.id, "900 s", "--create-timeout-seconds", "CREATING", "(pulling the image)",
                "Check that the image can be pulled",
            ]
        ),
        (
            .jobTimeout(.seconds(3600), instance.id), .timeoutError,
            [instance.id, "3600 s", "--job-timeout-seconds", "being deleted", "Raise the limit"]
        ),
        (
            ended(137), .memoryError,
            [instance.id, "INACTIVE", "exit code 137", "--instance-memory-gb", "the last line"]
        ),
        (ended(139), .runtimeError, [instance.id, "signal 11", "native code"]),
        (ended(0), .runtimeError, [instance.id, "stored nothing", "dynamic group"]),
        (
            ended(nil, "cannot pull the image"), .runtimeError,
            [instance.id, "cannot pull the image", "Check that the image exists"]
        ),
    ]

    @Test(arguments: table.indices)
    func `a failure says what happened, where to look and what to do next`(_ row: Int) {
        let (failure, exception, words) = Self.table[row]
        #expect(failure.exception == exception)
        for word in words { #expect(failure.text.contains(word), "\(failure.text)") }
        #expect(!failure.text.contains("\n") || failure.text.contains("Its last output:"), "\(failure.text)")
        #expect(!failure.text.contains("  "), "\(failure.text)")
        #expect(!failure.remedy.isEmpty && failure.text.contains(failure.remedy), "\(failure.text)")
    }

    @Test func `details that the service does not give leave no brackets`() {
        let silent = ListedInstance(
            id: "i",
            task: TaskKey("01"),
            phase: .creating,
            state: "CREATING",
            details: "",
            createdAt: .zero
        )
        #expect(TaskFailure.createTimeout(.seconds(1), silent).text.contains("its state is CREATING. Check"))
    }

    @Test func `where a service's words name no next step, the failure does`() {
        let conflict = Self.refusal(409, "IncorrectState")
        for failure in [
            TaskFailure.unstoredPayload(conflict), .refusedLaunch(conflict), .unansweredLaunch(conflict),
            .unfetchedResult(conflict),
        ] {
            #expect(failure.text.hasSuffix(failure.remedy), "\(failure.text)")
            #expect(failure.remedy.hasSuffix("."))
        }
    }

    @Test func `a failure is answered with its exception`() async throws {
        try await onLoop {
            let failure = TaskFailure(.memoryError, "too little")
            let answer = failure.answer
            #expect(!answer.isSuccess)
            #expect(answer.profile == nil)
            #expect(answer.output.isEmpty)
            #expect(answer.object.bytesInMemory == FailurePickle.encode(.memoryError, "too little"))
        }
    }

    @Test func `a call that was cancelled fails no task`() {
        guard case .cancelled = TaskInterruption(.cancelled, TaskFailure.unfetchedResult) else {
            Issue.record("it is a failure")
            return
        }
        let refused = Self.refusal(500, "InternalServerError", .getObject)
        guard case .failed(let failure) = TaskInterruption(refused, TaskFailure.unfetchedResult) else {
            Issue.record("it is no failure")
            return
        }
        #expect(failure == .unfetchedResult(refused))
    }
}
