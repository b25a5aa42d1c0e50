// SPDX-License-Identifier: Apache-2.0

package import CapnProto

/// What a process uses (`Resource`).
package struct ResourceUse: WritableStruct, Equatable, Sendable {
    /// Processor time in tenths of a percent of one core.
    package let cpuTenthsOfPercent: UInt16
    /// Resident memory in bytes.
    package let residentBytes: UInt64

    /// Creates a measurement.
    package init(cpuTenthsOfPercent: UInt16 = 0, residentBytes: UInt64 = 0) {
        self.cpuTenthsOfPercent = cpuTenthsOfPercent
        self.residentBytes = residentBytes
    }

    static let size = StructSize(dataWords: 2, pointers: 0)

    func write(to builder: StructBuilder) {
        builder.write(cpuTenthsOfPercent, at: 0)
        builder.write(residentBytes, at: 8)
    }
}

/// What one of a worker's processors does, for monitors (`ProcessorStatus`).
package struct ProcessorStatus: WritableStruct, Equatable, Sendable {
    /// The operating system's number of the process; 0 where there is none.
    package let processID: UInt32
    /// Whether it is ready to work.
    package let isInitialized: Bool
    /// Whether it works.
    package let hasTask: Bool
    /// Whether it was halted in favour of a more urgent task.
    package let isSuspended: Bool
    /// What it uses.
    package let resource: ResourceUse
    /// The task it works on; empty if none, and since 2.9.0 only.
    package let currentTaskID: TaskID
    /// How long it has worked on it; since 2.9.0 only.
    package let taskAgeSeconds: UInt32

    static let size = StructSize(dataWords: 2, pointers: 2)

    func write(to builder: StructBuilder) {
        builder.write(processID, at: 0)
        builder.write(isInitialized, atBit: 32)
        builder.write(hasTask, atBit: 33)
        builder.write(isSuspended, atBit: 34)
        builder.write(resource, at: 0)
        builder.write(data: currentTaskID.bytes, at: 1)
        builder.write(taskAgeSeconds, at: 8)
    }
}

extension ProcessorStatus {
    /// A processor that works on a task; nobody has its process here, so `number` only tells it from others.
    package init(number: UInt32, task: TaskID, ageSeconds: UInt32) {
        self.init(
            processID: number,
            isInitialized: true,
            hasTask: true,
            isSuspended: false,
            resource: ResourceUse(),
            currentTaskID: task,
            taskAgeSeconds: ageSeconds
        )
    }
}

/// A worker's sign of life (`WorkerHeartbeat`); the first registers it.
///
/// `queueSize`, `capabilities` and `workerManagerID` are read from the first heartbeat only. A worker that
/// stays silent for 60 s is forgotten.
package struct WorkerHeartbeat: CommonMessageBody {
    package static var layout: MessageLayout { .init(firstTag: 9, dataWords: 6, pointers: 5) }

    /// What the worker itself uses.
    package var agent = ResourceUse()
    /// Memory of the host that is free, in bytes.
    package var freeBytes: UInt64 = 0
    /// Unfinished tasks that the scheduler may assign; 0 registers a worker that gets none.
    package var queueSize: UInt32 = 0
    /// Tasks that wait in the worker; for monitors.
    package var queuedTasks: UInt32 = 0
    /// Half the time from the last heartbeat to its echo; for monitors.
    package var latencyMicroseconds: UInt32 = 0
    /// Whether the worker declines more tasks; for monitors.
    package var taskLock = false
    /// Whether the worker finishes what it runs and takes no more (`draining`); not in 2.9.0, which does not look there.
    ///
    /// Scaler's open change 947 adds it. A bool goes to the first bit that is free, which is the one behind `taskLock`,
    /// whatever number the field has in the end: 2.9.0 has added only whole words and a pointer.
    package var isDraining = false
    /// What the worker's processors do; for monitors.
    package var processors: [ProcessorStatus] = []
    /// What the worker can do.
    package var capabilities: [Capability] = []
    /// The id of the manager that has started the worker.
    package var workerManagerID: [UInt8] = []
    /// Memory that the worker may use, in bytes; since 2.7.0.
    package var memoryLimitBytes: UInt64 = 0
    /// Bytes sent; since 2.9.0.
    package var networkSentBytes: UInt64 = 0
    /// Bytes received; since 2.9.0.
    package var networkReceivedBytes: UInt64 = 0
    /// Name of the host; since 2.9.0.
    package var hostname = ""

    /// Creates a heartbeat in which everything is zero or empty.
    package init() {}

    package func write(to body: StructBuilder) {
        body.write(agent, at: 0)
        body.write(freeBytes, at: 0)
        body.write(queueSize, at: 8)
        body.write(queuedTasks, at: 12)
        body.write(latencyMicroseconds, at: 16)
        body.write(taskLock, atBit: 160)
        body.write(isDraining, atBit: 161)
        body.write(processors, at: 1)
        body.write(capabilities, at: 2)
        body.write(data: workerManagerID, at: 3)
        body.write(memoryLimitBytes, at: 24)
        body.write(networkSentBytes, at: 32)
        body.write(networkReceivedBytes, at: 40)
        body.write(text: hostname, at: 4)
    }
}

/// Where Scaler's object storage server listens (`ObjectStorageAddress`); the path of a WebSocket address is not told.
package struct ObjectStorageAddress: ReadableStruct, Hashable, Sendable {
    /// Host name or numeric address; IPv6 without brackets.
    package let host: String
    /// TCP port.
    package let port: UInt16
    /// `tcp`, `tls`, `ws` or `wss`.
    package let scheme: String
}

extension ObjectStorageAddress {
    init(from reader: StructReader) throws(SchedulerMessageError) {
        host = try reader.string(at: 0)
        port = reader.uint16(at: 0)
        scheme = try reader.string(at: 1)
    }
}

/// A scheduler's answer to a worker's heartbeat (`WorkerHeartbeatEcho`); tasks may arrive before the first.
package struct WorkerHeartbeatEcho: ReadableStruct, Equatable, Sendable {
    /// Where the objects are.
    package let objectStorageAddress: ObjectStorageAddress
}

extension WorkerHeartbeatEcho {
    init(from body: StructReader) throws(SchedulerMessageError) {
        objectStorageAddress = try body.nested(at: 0)
    }
}
