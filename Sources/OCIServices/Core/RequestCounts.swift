// SPDX-License-Identifier: Apache-2.0

/// How many requests were sent, failed attempts and all, since the process began.
package struct RequestCounts: Sendable, Equatable {
    private var counts: [Operation: Int] = [:]
    /// Attempts after the first of a call.
    package private(set) var retryCount = 0

    /// Requests of one operation.
    package subscript(operation: Operation) -> Int { counts[operation, default: 0] }

    /// Requests of all operations.
    package var total: Int { counts.values.reduce(0, +) }

    /// All operations that were called, by name.
    package var all: [(operation: Operation, count: Int)] {
        counts.map { (operation: $0.key, count: $0.value) }
            .sorted { $0.operation.name < $1.operation.name }
    }

    mutating func add(_ operation: Operation, isRetry: Bool) {
        counts[operation, default: 0] += 1
        if isRetry { retryCount += 1 }
    }
}
