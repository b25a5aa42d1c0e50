// SPDX-License-Identifier: Apache-2.0

package import CapnProto

/// A manager's sign of life (`WorkerManagerHeartbeat`), forgotten by the scheduler after 10 s.
package struct WorkerManagerHeartbeat: MessageBody {
    /// Words of data and pointers in 2.9.0.
    package static let size = StructSize(dataWords: 1, pointers: 2)

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

    /// Returns 25 in the first generation and 23 in the second; the wrong one is logged by a scheduler and
    /// ignored.
    package func tag(in generation: WireGeneration) -> UInt16 {
        switch generation {
        case .first: 25
        case .second: 23
        }
    }

    /// Reads a heartbeat from the body of a message.
    package init(from body: StructReader) throws(SchedulerMessageError) {
        maxTaskConcurrency = body.uint32(at: 0)
        capabilities = try body.capabilities(at: 0)
        workerManagerID = try body.bytes(at: 1)
    }

    /// Writes the heartbeat into the body of a message.
    package func write(to body: StructBuilder) {
        body.write(maxTaskConcurrency, at: 0)
        body.write(capabilities, at: 0)
        body.write(data: workerManagerID, at: 1)
    }
}

/// A scheduler's answer to a manager's heartbeat (`WorkerManagerHeartbeatEcho`).
///
/// None comes while another manager of the same id is alive, nor for a heartbeat of the wrong generation.
package struct WorkerManagerHeartbeatEcho: MessageBody {
    /// Words of data and pointers in 2.9.0.
    package static let size = StructSize(dataWords: 0, pointers: 0)

    /// Creates an echo.
    package init() {}

    /// Returns 26 in the first generation and 24 in the second.
    package func tag(in generation: WireGeneration) -> UInt16 {
        switch generation {
        case .first: 26
        case .second: 24
        }
    }

    /// Reads an echo, which has no fields.
    package init(from body: StructReader) throws(SchedulerMessageError) {}

    /// Writes nothing.
    package func write(to body: StructBuilder) {}
}

/// How many workers a scheduler wants that can do certain things (`DesiredTaskConcurrencyRequest`).
package struct DesiredTaskConcurrencyRequest: Equatable, Sendable {
    /// Workers, in spite of the name.
    package let taskConcurrency: UInt32
    /// What they must be able to do; empty for any worker.
    package let capabilities: [Capability]

    /// Creates a request.
    package init(taskConcurrency: UInt32, capabilities: [Capability]) {
        self.taskConcurrency = taskConcurrency
        self.capabilities = capabilities
    }

    static let size = StructSize(dataWords: 1, pointers: 1)

    init(from reader: StructReader) throws(SchedulerMessageError) {
        taskConcurrency = reader.uint32(at: 0)
        capabilities = try reader.capabilities(at: 0)
    }

    func write(to builder: StructBuilder) {
        builder.write(taskConcurrency, at: 0)
        builder.write(capabilities, at: 0)
    }
}

/// A scheduler's wish for a number of workers (`WorkerManagerCommand`); no command means no change.
package struct WorkerManagerCommand: MessageBody {
    /// Words of data and pointers in 2.9.0.
    package static let size = StructSize(dataWords: 0, pointers: 1)

    /// The wishes; none means no workers.
    package let requests: [DesiredTaskConcurrencyRequest]

    /// Creates a command.
    package init(requests: [DesiredTaskConcurrencyRequest]) {
        self.requests = requests
    }

    /// Returns 27 in the first generation and 25 in the second.
    package func tag(in generation: WireGeneration) -> UInt16 {
        switch generation {
        case .first: 27
        case .second: 25
        }
    }

    /// Reads a command from the body of a message.
    package init(from body: StructReader) throws(SchedulerMessageError) {
        requests = try body.structures(at: 0) { reader throws(SchedulerMessageError) in
            try DesiredTaskConcurrencyRequest(from: reader)
        }
    }

    /// Writes the command into the body of a message.
    package func write(to body: StructBuilder) {
        body.write(requests, size: DesiredTaskConcurrencyRequest.size, at: 0) { $0.write(to: $1) }
    }
}
