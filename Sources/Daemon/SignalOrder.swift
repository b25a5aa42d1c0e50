// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// What a signal orders the daemon to do.
///
/// Rule: a signal that nobody has thought of ends a process at once, and all that runs in the cloud stays there.
enum SignalOrder: Equatable {
    /// Stop in order; a second one stops at once.
    case stop
    /// Write the state of every task into the log, then stop in order.
    case reportTasksAndStop
    /// Write the state of every task into the log.
    case reportTasks
    /// Open the log files anew, and read what can be read again.
    case reload

    /// The signals that order something.
    static let signals = [SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1]

    /// What signal `number` orders a process that began with or without a controlling terminal; nil for one that orders
    /// nothing.
    ///
    /// SIGHUP means by its name that the terminal is gone (termios(3)); a daemon has none and is asked to reload by it.
    init?(_ number: Int32, hasTerminal: Bool) {
        switch number {
        case SIGTERM, SIGINT: self = .stop
        case SIGQUIT: self = .reportTasksAndStop
        case SIGUSR1: self = .reportTasks
        case SIGHUP: self = hasTerminal ? .stop : .reload
        default: return nil
        }
    }
}
