// SPDX-License-Identifier: Apache-2.0

internal import CLibev

/// What a file descriptor is waited on for.
package enum Interest: Sendable { case read, write }

/// Awaits readiness of one file descriptor; one reader and one writer may wait at a time.
///
/// The owner tries its system call first and comes here when it would block. It closes the descriptor only
/// after `close`, for libev must not watch a descriptor that is gone or, worse, means another file.
@LoopActor
package final class Readiness {
    private let reading: IOWatcher
    private let writing: IOWatcher

    /// Watches `fileDescriptor`, which stays the caller's.
    package init(_ fileDescriptor: Int32) {
        reading = IOWatcher(fileDescriptor, Int32(EV_READ))
        writing = IOWatcher(fileDescriptor, Int32(EV_WRITE))
    }

    /// Suspends until the descriptor is ready, or in error, which the next system call will tell.
    package func wait(for interest: Interest, until deadline: Deadline) async throws(WaitError) {
        switch interest {
        case .read: try await reading.wait(until: deadline)
        case .write: try await writing.wait(until: deadline)
        }
    }

    /// Ends every present and future wait with `WaitError.closed`.
    package func close() {
        reading.close()
        writing.close()
    }
}

/// One libev I/O watcher, started only while someone waits.
@LoopActor
private final class IOWatcher {
    private nonisolated(unsafe) let watcher: UnsafeMutablePointer<ev_io>
    private var waiter: Waiter?
    private var isClosed = false

    init(_ fileDescriptor: Int32, _ events: Int32) {
        watcher = .allocate(capacity: 1)
        watcher.initialize(to: ev_io())
        clibev_io_init(watcher, ioReady, fileDescriptor, events)
        watcher.pointee.data = Unmanaged.passUnretained(self).toOpaque()
    }

    func wait(until deadline: Deadline) async throws(WaitError) {
        precondition(waiter == nil, "two waits of one kind on one file descriptor")
        if isClosed { throw .closed }
        let waiter = Waiter()
        self.waiter = waiter
        ev_io_start(LoopExecutor.shared.loop, watcher)
        defer { stop() }
        try await waiter.wait(until: deadline)
    }

    func becameReady() {
        waiter?.wake()
        // Level-triggered: left running, it would ring in every turn until the caller has run.
        ev_io_stop(LoopExecutor.shared.loop, watcher)
    }

    func close() {
        isClosed = true
        waiter?.fail(.closed)
        ev_io_stop(LoopExecutor.shared.loop, watcher)
    }

    private func stop() {
        waiter = nil
        if !isClosed { ev_io_stop(LoopExecutor.shared.loop, watcher) }
    }

    deinit {
        // A started watcher belongs to a suspended `wait`, which keeps this object alive.
        watcher.deallocate()
    }
}

private func ioReady(_: OpaquePointer?, watcher: UnsafeMutablePointer<ev_io>?, _: Int32) {
    guard let data = watcher?.pointee.data else { return }
    let owner = Unmanaged<IOWatcher>.fromOpaque(data).takeUnretainedValue()
    LoopActor.assumeIsolated { owner.becameReady() }
}
