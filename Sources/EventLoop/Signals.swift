// SPDX-License-Identifier: Apache-2.0

internal import CLibev
internal import Glibc

/// Delivers POSIX signals as values, in the order in which the loop saw them.
@LoopActor
package final class Signals {
    /// Those that order no program of ours anything, and would end it.
    ///
    /// SIGXFSZ shows as the error of the write that caused it; SIGXCPU tells of a limit that the kernel enforces by itself.
    package nonisolated static let withoutOrder: [Int32] =
        [SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGSTKFLT, SIGXCPU, SIGXFSZ]
        + (__libc_current_sigrtmin()...__libc_current_sigrtmax())

    private let mailbox = Mailbox<Int32>()

    /// Begins to catch `numbers` for as long as the process lives; their default action no longer happens.
    ///
    /// One that is ignored already stays so: whoever started the process wanted that, as nohup(1) does. One that is blocked does
    /// not: a mask is handed down by accident (execve(2)), and only SIGKILL would be left.
    package init(_ numbers: [Int32]) {
        for number in numbers where !isIgnored(number) {
            let watcher = UnsafeMutablePointer<ev_signal>.allocate(capacity: 1)
            watcher.initialize(to: ev_signal())
            clibev_signal_init(watcher, signalCaught, number)
            watcher.pointee.data = Unmanaged.passRetained(mailbox).toOpaque()
            ev_signal_start(LoopExecutor.shared.loop, watcher)
        }
        var caught = sigset_t()
        sigemptyset(&caught)
        for number in numbers { sigaddset(&caught, number) }
        pthread_sigmask(SIG_UNBLOCK, &caught, nil)
    }

    /// Lets nothing happen at `numbers` for as long as the process lives.
    package nonisolated static func ignore(_ numbers: [Int32]) {
        for number in numbers { signal(number, SIG_IGN) }
    }

    /// Suspends until the next signal and returns its number.
    package func next() async throws(WaitError) -> Int32 { try await mailbox.receive() }
}

private func isIgnored(_ number: Int32) -> Bool {
    var action = sigaction()
    sigaction(number, nil, &action)
    let handler = unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
    return handler == unsafeBitCast(SIG_IGN, to: Int.self)
}

private func signalCaught(_: OpaquePointer?, watcher: UnsafeMutablePointer<ev_signal>?, _: Int32) {
    guard let watcher, let data = watcher.pointee.data else { return }
    let number = watcher.pointee.signum
    let mailbox = Unmanaged<Mailbox<Int32>>.fromOpaque(data).takeUnretainedValue()
    LoopActor.assumeIsolated { mailbox.send(number) }
}
