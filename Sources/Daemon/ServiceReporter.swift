// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import Logging
internal import Reporting
internal import Transport

/// Tells the service manager that started this process how it stands with it, as long as it runs.
///
/// A sign of life comes from the loop itself, so that it fails to come when the loop does not turn.
@LoopActor
final class ServiceReporter {
    private let socket: NotifySocket
    private var notices: ServiceNotices
    private let state: @LoopActor () -> ServiceNotices.State
    private let warning: ThrottledWarning

    /// Nil where no service manager asked to be told, by the variable `NOTIFY_SOCKET`, or cannot be.
    init?(
        environment: [String: String],
        processID: Int32,
        log: Logger,
        state: @escaping @LoopActor () -> ServiceNotices.State
    ) {
        guard let address = environment["NOTIFY_SOCKET"], !address.isEmpty else { return nil }
        do throws(TransportError) { socket = try NotifySocket(address) } catch {
            log.warning(
                "cannot tell the service manager how it stands",
                metadata: ["error": "\(error)", "notify_socket": "\(address)"]
            )
            return nil
        }
        notices = ServiceNotices(watchdogInterval: Self.watchdogInterval(environment, processID))
        self.state = state
        warning = ThrottledWarning(
            "the service manager does not listen; trying again",
            recovery: "the service manager listens",
            log: log
        )
    }

    /// The interval that sd_watchdog_enabled(3) describes; nil if no sign of life is asked of this process.
    static func watchdogInterval(_ environment: [String: String], _ processID: Int32) -> Duration? {
        guard let interval = environment["WATCHDOG_USEC"].flatMap({ Int64($0) }), interval > 0 else {
            return nil
        }
        if let whose = environment["WATCHDOG_PID"], whose != "\(processID)" { return nil }
        return .microseconds(interval)
    }

    /// Tells what is due until it is cancelled.
    func run() async { repeat { tell() } while (try? await sleep(for: notices.pause)) != nil }

    /// Tells now what is due; what is not taken is told the next time.
    func tell() {
        var next = notices
        guard let message = next.message(of: state(), at: .now) else { return }
        if send(message) { notices = next }
    }

    /// Tells that a reload begins, does it, and tells that it is over unless the process stops meanwhile.
    func reload(_ body: @LoopActor () async -> Void) async {
        guard let messages = notices.reloadMessages(at: .now) else { return await body() }
        _ = send(messages.before)
        await body()
        if state().phase == .working { _ = send(messages.after) }
    }

    /// Whether the message was taken.
    private func send(_ message: String) -> Bool {
        do throws(TransportError) {
            let isTaken = try socket.send(message)
            warning.ended()
            return isTaken
        } catch {
            warning.occurred(["error": "\(error)"])
            return false
        }
    }
}
