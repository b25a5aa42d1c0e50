// SPDX-License-Identifier: Apache-2.0

internal import CLibev

/// One armed libev timer; calls back once, never before its deadline, unless stopped first.
@LoopActor
final class TimerWatcher {
    /// How many timers are armed; a count that only grows is a leak.
    private(set) static var armedCount = 0

    private nonisolated(unsafe) let watcher: UnsafeMutablePointer<ev_timer>
    private let deadline: Deadline
    private var callback: (@LoopActor () -> Void)?

    init(_ deadline: Deadline, _ callback: @escaping @LoopActor () -> Void) {
        self.deadline = deadline
        self.callback = callback
        watcher = .allocate(capacity: 1)
        watcher.initialize(to: ev_timer())
        Self.armedCount += 1
        arm()
    }

    /// Disarms; the callback is not called any more.
    func stop() {
        guard callback != nil else { return }
        callback = nil
        Self.armedCount -= 1
        ev_timer_stop(LoopExecutor.shared.loop, watcher)
        release()
    }

    /// libev counts from the time of its last poll, which lies in the past by the length of the present
    /// turn: a timer may ring early by that much, and is then armed again.
    private func arm() {
        let (seconds, attoseconds) = deadline.remaining.components
        clibev_timer_init(watcher, timerRang, Double(seconds) + Double(attoseconds) * 1e-18)
        watcher.pointee.data = Unmanaged.passRetained(self).toOpaque()
        ev_timer_start(LoopExecutor.shared.loop, watcher)
    }

    fileprivate func rang() {
        release()
        guard deadline.isPast else { return arm() }
        let callback = self.callback
        self.callback = nil
        Self.armedCount -= 1
        callback?()
    }

    /// Gives back the reference that an armed watcher holds.
    private func release() {
        guard let data = watcher.pointee.data else { return }
        watcher.pointee.data = nil
        Unmanaged<TimerWatcher>.fromOpaque(data).release()
    }

    deinit {
        // An armed watcher holds a reference to this object, so it is disarmed here.
        watcher.deallocate()
    }
}

private func timerRang(_: OpaquePointer?, watcher: UnsafeMutablePointer<ev_timer>?, _: Int32) {
    guard let data = watcher?.pointee.data else { return }
    let timer = Unmanaged<TimerWatcher>.fromOpaque(data).takeUnretainedValue()
    LoopActor.assumeIsolated { timer.rang() }
}
