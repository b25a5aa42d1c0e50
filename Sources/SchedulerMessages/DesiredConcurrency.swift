// SPDX-License-Identifier: Apache-2.0

/// Returns how many workers the requests ask of a manager that offers `capabilities`.
///
/// A request is for this manager if each of its capabilities is offered with the same amount: an offer of -1
/// does not meet a request for 1. That is the rule of every worker manager of Scaler, and a scheduler counts on
/// it when it asks several managers at once. Of two capabilities of one name in a list, the last counts.
package func desiredConcurrency(
    _ requests: [DesiredTaskConcurrencyRequest],
    capabilities: [Capability]
) -> Int {
    let offered = amounts(capabilities)
    // Each number has 32 bits and a message fewer than 2^29 elements, so the sum fits an Int.
    return requests.reduce(0) { sum, request in
        let isMet = amounts(request.capabilities).allSatisfy { name, value in offered[name] == value }
        return isMet ? sum + Int(request.taskConcurrency) : sum
    }
}

/// Returns how many units, of `baseConcurrency` workers each, hold `concurrency` workers: the quotient, rounded up.
package func desiredUnits(forConcurrency concurrency: Int, baseConcurrency: Int) -> Int {
    // The configuration refuses a base below 1.
    precondition(baseConcurrency > 0, "base concurrency \(baseConcurrency)")
    let (quotient, remainder) = concurrency.quotientAndRemainder(dividingBy: baseConcurrency)
    return remainder > 0 ? quotient + 1 : quotient
}

private func amounts(_ capabilities: [Capability]) -> [String: Int64] {
    Dictionary(capabilities.map { ($0.name, $0.value) }, uniquingKeysWith: { _, last in last })
}
