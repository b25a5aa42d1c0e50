// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// What tasks that come together take, from the first submit on.
package struct Figures: Sendable, CustomStringConvertible {
    /// How many tasks.
    package let taskCount: Int
    /// Until the last reply.
    package let time: Duration
    /// Until nothing is left in the cloud.
    package let cleanTime: Duration
    /// Calls to the cloud by then, by what they are.
    package let requests: [String: Int]
    /// The longest that a reply came after its result was stored.
    package let answerTime: Duration
    /// The most calls in any half minute of the first hour but the first and last minute of the tasks.
    package let callsInHalfAMinute: Int

    /// Words and numbers, for a program to read.
    package var description: String {
        let total = requests.values.reduce(0, +)
        let kinds = requests.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
        return """
            figures tasks=\(taskCount) seconds=\(Self.text(time)) clean=\(Self.text(cleanTime)) \
            answer=\(Self.text(answerTime)) half-minute=\(callsInHalfAMinute) requests=\(total) \(kinds)
            """
    }

    private static func text(_ duration: Duration) -> String { "\(duration / .milliseconds(1) / 1000)" }
}

extension SimulatedRun {
    /// Lives until the tasks have ended and nothing is left of them, and counts; for profiles of `Profile.measured`.
    package func measure() async -> Figures {
        begin()
        await wait(atMost: .seconds(3600), "no task is submitted") { self.clients.submittedCount > 0 }
        // Submits come on a whole minute, and nothing is sent within the second after it that is not counted here.
        return await count()
    }

    private func count() async -> Figures {
        var requests: [String: Int] = [:]
        var moments: [Deadline] = []
        cloud.onRequest = { request in
            requests[request.kind, default: 0] += 1
            moments.append(.now)
        }
        let submitted = book.firstSubmit ?? .now
        await progress { self.book.openCount == 0 }
        let ended = book.lastReply ?? .now
        await wait(atMost: .seconds(600), "something is left") { self.cloud.isAtRest }
        let (begin, end) = (submitted + .seconds(60), ended)
        let middle = moments.filter { begin <= $0 && $0 < end }
        let most = middle.indices.map { first in
            middle[first...].prefix { $0 < middle[first] + .seconds(30) }.count
        }
        return Figures(
            taskCount: book.answeredCount,
            time: ended.duration(since: submitted),
            cleanTime: Deadline.now.duration(since: submitted),
            requests: requests,
            answerTime: book.longestAnswerTime,
            callsInHalfAMinute: most.max() ?? 0
        )
    }
}

extension SimulatedRequest {
    /// What it asks for, in one word.
    fileprivate var kind: String {
        let last = path.split(separator: "/").last ?? ""
        switch method {
        case "POST": return last == "containerInstances" ? "creates" : "\(last)"
        case "DELETE": return "deletes"
        case "PUT": return "puts"
        default:
            switch last {
            case "containerInstances": return "listings-of-instances"
            case "o": return "listings-of-objects"
            default: return path.contains("/o/") ? "gets" : "looks"
            }
        }
    }
}
