// SPDX-License-Identifier: Apache-2.0

package import CapnProto
package import Encodings

/// A worker's answer to a `TaskCancel` (`TaskCancelConfirm`).
package struct TaskCancelConfirm: CommonMessageBody {
    package static var layout: MessageLayout { .init(firstTag: 2, dataWords: 1, pointers: 1) }

    /// What became of the cancel.
    package enum Outcome: UInt16, Equatable, Sendable, CaseIterable {
        /// The task is gone and no result will follow.
        case canceled = 0
        /// The task runs on and its result will follow.
        case cancelFailed = 1
        /// The worker does not have the task, or has answered it already.
        case cancelNotFound = 2
    }

    /// The task's name.
    package let taskID: TaskID
    /// What became of the cancel.
    package let outcome: Outcome

    /// Creates an answer.
    package init(taskID: TaskID, outcome: Outcome) {
        self.taskID = taskID
        self.outcome = outcome
    }

    package func write(to body: StructBuilder) {
        body.write(data: taskID.bytes, at: 0)
        body.write(outcome.rawValue, at: 0)
    }
}

/// A worker's report that a task has ended (`TaskResult`).
///
/// Clients take exactly one object for a task that succeeded or failed, and metadata of 0 or 16 bytes:
/// anything else ends the client's agent, or makes `result()` return None even for a failure. The initializer
/// therefore takes one object.
package struct TaskResult: CommonMessageBody {
    package static var layout: MessageLayout { .init(firstTag: 3, dataWords: 1, pointers: 3) }

    /// How a task has ended.
    package enum Outcome: UInt16, Equatable, Sendable, CaseIterable {
        /// The object holds the value, serialized with the client's serializer.
        case success = 0
        /// The object holds a plain pickle of an exception.
        case failed = 1
        /// The worker's process died; there is no object.
        case failedWorkerDied = 2
    }

    /// The task's name.
    package let taskID: TaskID
    /// How the task has ended.
    package let outcome: Outcome
    /// Sixteen bytes of `ProfileResult`, or none.
    package let metadata: [UInt8]
    /// The objects that hold the result: one in all messages that we make.
    package let results: [ObjectID]
}

extension TaskResult {
    /// Creates a report about an object that is stored already.
    package init(taskID: TaskID, outcome: Outcome, result: ObjectID, profile: ProfileResult?) {
        self.init(taskID: taskID, outcome: outcome, metadata: profile?.bytes ?? [], results: [result])
    }

    package func write(to body: StructBuilder) {
        body.write(data: taskID.bytes, at: 0)
        body.write(outcome.rawValue, at: 0)
        body.write(data: metadata, at: 1)
        body.write(byteLists: results.map(\.bytes), at: 2)
    }
}

/// A piece of a running task's output (`TaskLog`).
///
/// Schedulers up to 2.6.0 end when one arrives for a task that they no longer know: send none after the result.
package struct TaskLog: CommonMessageBody {
    package static var layout: MessageLayout { .init(firstTag: 4, dataWords: 1, pointers: 2) }

    /// Where the task wrote it.
    package enum Stream: UInt16, Equatable, Sendable, CaseIterable {
        case standardOutput = 0
        case standardError = 1
    }

    /// The task's name.
    package let taskID: TaskID
    /// Where the task wrote it.
    package let stream: Stream
    /// The text, printed by the client as it is.
    package let content: String

    /// Creates a piece of output.
    package init(taskID: TaskID, stream: Stream, content: String) {
        self.taskID = taskID
        self.stream = stream
        self.content = content
    }

    package func write(to body: StructBuilder) {
        body.write(data: taskID.bytes, at: 0)
        body.write(stream.rawValue, at: 0)
        body.write(text: content, at: 1)
    }
}
