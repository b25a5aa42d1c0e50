// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// What a service manager such as systemd is told of this process, and when; pure.
///
/// The names are those of sd_notify(3). A message that could not be sent is made again: whoever sends keeps the value of
/// before.
struct ServiceNotices {
    /// How far the process is.
    enum Phase { case starting, working, stopping }

    /// What there is to tell.
    struct State {
        var phase: Phase
        /// One line for `systemctl status`.
        var status: String
    }

    /// So much longer, in microseconds, the service manager waits from each message that asks for it: a start and a stop
    /// take as long as OCI and the scheduler take.
    private static let extraMicroseconds = 30_000_000
    private static let extensionInterval: Duration = .seconds(10)

    private let watchdogInterval: Duration?
    private var toldPhase = Phase.starting
    private var toldStatus: String?
    private var nextExtension: Deadline?
    private var nextSign: Deadline?

    /// `watchdogInterval` is the time without a sign of life after which the service manager kills the process.
    init(watchdogInterval: Duration?) { self.watchdogInterval = watchdogInterval }

    /// How long to wait before the state is looked at again.
    var pause: Duration {
        let usual: Duration = toldPhase == .working ? .seconds(5) : .milliseconds(250)
        return min(usual, watchdogInterval.map { $0 / 6 } ?? usual)
    }

    /// The message that is due, if one is.
    mutating func message(of state: State, at now: Deadline) -> String? {
        var lines: [String] = []
        if state.phase != toldPhase {
            switch state.phase {
            case .starting: break
            case .working: lines.append("READY=1")
            case .stopping: lines.append("STOPPING=1")
            }
            toldPhase = state.phase
            nextExtension = nil
        }
        if state.status != toldStatus {
            lines.append("STATUS=\(state.status)")
            toldStatus = state.status
        }
        if state.phase != .working, nextExtension.map({ $0 <= now }) ?? true {
            lines.append("EXTEND_TIMEOUT_USEC=\(Self.extraMicroseconds)")
            nextExtension = now + Self.extensionInterval
        }
        if let watchdogInterval, nextSign.map({ $0 <= now }) ?? true {
            lines.append("WATCHDOG=1")
            nextSign = now + watchdogInterval / 3
        }
        return lines.isEmpty ? nil : lines.joined(separator: "\n")
    }

    /// The messages around a reload: before and after it; none while the process starts or stops.
    func reloadMessages(at now: Deadline) -> (before: String, after: String)? {
        guard toldPhase == .working else { return nil }
        return ("RELOADING=1\nMONOTONIC_USEC=\(now.microseconds)", "READY=1")
    }
}
