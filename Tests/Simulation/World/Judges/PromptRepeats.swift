// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// Judges that a request which was lost on a new connection is not made again at once.
///
/// Only where a connection was idle before may a client take the loss for a close race and repeat the request beside its
/// rate; everything else waits for a pause that is drawn from nothing to a second, so that few come at once by chance.
@LoopActor
struct PromptRepeats {
    private static let promptTime: Duration = .milliseconds(200)
    private var lostAt: [String: Deadline] = [:]
    private var (lostCount, promptCount) = (0, 0)

    /// The name that a request has however often it is sent.
    private func name(of request: SimulatedRequest) -> String? {
        request.fields["opc-request-id"] ?? request.fields["opc-client-request-id"]
    }

    /// The first request of a connection was lost, or its answer.
    mutating func lost(_ request: SimulatedRequest) {
        guard let name = name(of: request) else { return }
        lostAt[name] = .now
        lostCount += 1
    }

    mutating func arrived(_ request: SimulatedRequest, _ simulation: Simulation) {
        guard let name = name(of: request), let moment = lostAt.removeValue(forKey: name) else { return }
        if Deadline.now.duration(since: moment) < Self.promptTime { promptCount += 1 }
        simulation.judge(
            "budget",
            promptCount < 20 || promptCount * 2 < lostCount,
            "\(promptCount) of \(lostCount) requests that were lost on new connections were made again at once"
        )
    }
}
