// SPDX-License-Identifier: Apache-2.0

internal import Encodings
internal import EventLoop
internal import JSON

extension SimulatedAnswer {
    /// An answer with a JSON body.
    static func json(
        _ status: Int,
        fields: [(name: String, value: String)] = [],
        _ body: JSON
    ) -> SimulatedAnswer {
        SimulatedAnswer(
            status,
            fields: fields + [("content-type", "application/json")],
            body: body.encoded()
        )
    }

    /// A refusal as all services write it.
    static func error(_ status: Int, _ code: String, _ message: String = "as a rule") -> SimulatedAnswer {
        json(status, .strings([("code", code), ("message", message)]))
    }

    /// A page that some proxy on the way has made.
    static func proxyError(_ status: Int) -> SimulatedAnswer {
        SimulatedAnswer(
            status,
            fields: [("content-type", "text/html")],
            body: Array("<html><h1>\(status)</h1></html>".utf8)
        )
    }
}

extension SimulatedRequest {
    /// Judges that the request has no query parameter that the operation does not know.
    @LoopActor
    func judgeQuery(_ known: Set<String>, _ simulation: Simulation) {
        for name in query.keys.sorted() {
            simulation.judge("api", known.contains(name), "\(method) \(path) with the parameter \(name)")
        }
    }
}

/// A moment in milliseconds since 1970, as services write it (RFC 3339).
func rfc3339(_ milliseconds: Int64) -> String {
    let (days, rest) = (milliseconds / 86_400_000, milliseconds % 86_400_000)
    // Howard Hinnant's civil_from_days, for days since 0000-03-01.
    let shifted = days + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    let date = "\(year)-\(digits(month, 2))-\(digits(day, 2))"
    let time =
        "\(digits(rest / 3_600_000, 2)):\(digits(rest / 60_000 % 60, 2)):\(digits(rest / 1000 % 60, 2))"
    return "\(date)T\(time).\(digits(rest % 1000, 3))Z"
}

private func digits(_ number: Int64, _ width: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
}
