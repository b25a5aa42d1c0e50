// SPDX-License-Identifier: Apache-2.0

/// What a request was answered with, in few enough words to count by.
package enum AnswerCode: Hashable, Sendable, Comparable {
    /// A status of 2xx that could be read.
    case success
    /// A status that says what is to be done: one of `told`.
    case status(Int)
    /// Another status of 4xx.
    case otherRefusal
    /// A status of 5xx.
    case serverError
    /// No answer, or none that could be read.
    case none
    /// One of the above, after so many pairs of an operation and a code were seen that no more have counts of their own.
    case any

    private static let told: Set = [400, 401, 403, 404, 409, 412, 413, 429]

    init(_ error: OCIError) {
        guard case .service(let failure) = error else {
            self = .none
            return
        }
        switch failure.status {
        case let status where Self.told.contains(status): self = .status(status)
        case 400..<500: self = .otherRefusal
        case 500..<600: self = .serverError
        default: self = .none
        }
    }

    /// As a label of a metric.
    package var label: String {
        switch self {
        case .success: "2xx"
        case .status(let status): "\(status)"
        case .otherRefusal: "4xx"
        case .serverError: "5xx"
        case .none: "none"
        case .any: "any"
        }
    }
}

/// How many requests were sent, failed attempts and all, since the process began.
package struct RequestCounts: Sendable, Equatable {
    private struct Key: Hashable {
        let operation: Operation
        let code: AnswerCode
    }

    /// So many pairs of an operation and a code have counts of their own, beside those of 429: each is a series of Prometheus'.
    static let pairsMax = 48

    private var counts: [Operation: Int] = [:]
    private var answers: [Key: Int] = [:]
    private var seconds: [Operation: Double] = [:]
    /// Attempts after the first of a call.
    package private(set) var retryCount = 0

    /// Requests of one operation.
    package subscript(operation: Operation) -> Int { counts[operation, default: 0] }

    /// All operations that were called, by name.
    package var all: [(operation: Operation, count: Int)] {
        counts.map { (operation: $0.key, count: $0.value) }
            .sorted { $0.operation.name < $1.operation.name }
    }

    /// How often each operation was answered with each code, by name and code.
    package var byCode: [(operation: Operation, code: AnswerCode, count: Int)] {
        answers.map { (operation: $0.key.operation, code: $0.key.code, count: $0.value) }
            .sorted { ($0.operation.name, $0.code) < ($1.operation.name, $1.code) }
    }

    /// The seconds that the answers to an operation took together, and how many these were; those that never came, too.
    package func time(of operation: Operation) -> (seconds: Double, count: Int) {
        let count = answers.reduce(0) { $1.key.operation == operation ? $0 + $1.value : $0 }
        return (seconds[operation, default: 0], count)
    }

    /// How often an operation was answered with 429.
    func throttledCount(of operation: Operation) -> Int {
        answers[Key(operation: operation, code: .status(429)), default: 0]
    }

    mutating func add(_ operation: Operation, isRetry: Bool) {
        counts[operation, default: 0] += 1
        if isRetry { retryCount += 1 }
    }

    mutating func add(_ code: AnswerCode, to operation: Operation, after time: Duration) {
        var key = Key(operation: operation, code: code)
        let isOneMore = answers[key] == nil && answers.count >= Self.pairsMax
        if isOneMore, code != .status(429) { key = Key(operation: operation, code: .any) }
        answers[key, default: 0] += 1
        seconds[operation, default: 0] += time / .seconds(1)
    }
}
