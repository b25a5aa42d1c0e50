// SPDX-License-Identifier: Apache-2.0

internal import CLibev

/// Delivers POSIX signals as values, in the order in which the loop saw them.
@LoopActor
package final class Signals {
    private let mailbox = Mailbox<Int32>()
    private var watchers: [UnsafeMutablePointer<ev_signal>] = []

    /// Begins to catch `numbers`; their default action no longer happens.
    package init(_ numbers: [Int32]) {
        for number in numbers {
            let watcher = UnsafeMutablePointer<ev_signal>.allocate(capacity: 1)
            watcher.initialize(to: ev_signal())
            clibev_signal_init(watcher, signalCaught, number)
            watcher.pointee.data = Unmanaged.passRetained(mailbox).toOpaque()
            ev_signal_start(LoopExecutor.shared.loop, watcher)
            watchers.append(watcher)
        }
    }

    /// Suspends until the next signal and returns its number.
    package func next() async throws(WaitError) -> Int32 {
        try await mailbox.receive()
    }

    /// Gives the signals back to their default actions.
    package func stop() {
        for watcher in watchers {
            ev_signal_stop(LoopExecutor.shared.loop, watcher)
            if let data = watcher.pointee.data { Unmanaged<Mailbox<Int32>>.fromOpaque(data).release() }
            watcher.deallocate()
        }
        watchers = []
        mailbox.close()
    }
}

private func signalCaught(_: OpaquePointer?, watcher: UnsafeMutablePointer<ev_signal>?, _: Int32) {
    guard let watcher, let data = watcher.pointee.data else { return }
    let number = watcher.pointee.signum
    let mailbox = Unmanaged<Mailbox<Int32>>.fromOpaque(data).takeUnretainedValue()
    LoopActor.assumeIsolated { mailbox.send(number) }
}
