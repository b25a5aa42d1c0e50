// SPDX-License-Identifier: Apache-2.0

package import CapnProto

/// A manager's sign of life (`WorkerManagerHeartbeat`), forgotten by the scheduler after 10 s.
///
/// One of the wrong generation is logged by a scheduler and ignored.
package struct WorkerManagerHeartbeat: MessageBody {
    package static var layout: MessageLayout { .init(firstTag: 25, secondTag: 23, dataWords: 1, pointers: 2) }

    /// Workers that the manager may be asked for; 0 means none ever and 2^32 - 1 no limit.
    package let maxTaskConcurrency: UInt32
    /// What its workers can do.
    package let capabilities: [Capability]
    /// Its id, which its workers name in their first heartbeat.
    package let workerManagerID: [UInt8]

    /// Creates a heartbeat.
    package init(maxTaskConcurrency: UInt32, capabilities: [Capability], workerManagerID: [UInt8]) {
        self.maxTaskConcurrency = maxTaskConcurrency
        self.capabilities = capabilities
        self.workerManagerID = workerManagerID
    }

    package func write(to body: StructBuilder) {
        body.write(maxTaskConcurrency, at: 0)
        body.write(capabilities, at: 0)
        body.write(data: workerManagerID, at: 1)
    }
}

/// A scheduler's answer to a manager's heartbeat (`WorkerManagerHeartbeatEcho`), which has no fields.
///
/// None comes while another manager of the same id is alive, nor for a heartbeat of the wrong generation.
package struct WorkerManagerHeartbeatEcho: ReadableStruct, Equatable, Sendable {}

extension WorkerManagerHeartbeatEcho {
    init(from body: StructReader) throws(SchedulerMessageError) {}
}

/// How many workers a scheduler wants that can do certain things (`DesiredTaskConcurrencyRequest`).
package struct DesiredTaskConcurrencyRequest: ReadableStruct, Equatable, Sendable {
    /// Workers, in spite of the name.
    package let taskConcurrency: UInt32
    /// What they must be able to do; empty for any worker.
    package let capabilities: [Capability]

    /// Creates a request.
    package init(taskConcurrency: UInt32, capabilities: [Capability]) {
        self.taskConcurrency = taskConcurrency
        self.capabilities = capabilities
    }

    init(from reader: StructReader) throws(SchedulerMessageError) {
        taskConcurrency = reader.uint32(at: 0)
        capabilities = try reader.nestedList(at: 0)
    }
}

/// A scheduler's order for a number of workers (`WorkerManagerCommand`); no command means no change.
package struct WorkerManagerCommand: ReadableStruct, Equatable, Sendable {
    /// How many workers are desired; no request means no workers.
    package let requests: [DesiredTaskConcurrencyRequest]
}

extension WorkerManagerCommand {
    init(from body: StructReader) throws(SchedulerMessageError) { requests = try body.nestedList(at: 0) }
}
