// SPDX-License-Identifier: Apache-2.0
//
// How many requests of one kind may be under way at once.
//
// Rule: at a fixed number, a service that takes a second for an answer gets that many a second, whatever it could bear.
// Consequence: the window grows by one with each answer that came while it was full, so it doubles in the time of an
// answer; as in TCP's slow start.
// Rule: when more are under way than a service works on, the rest wait there, and answers take longer. So they do where
// requests wait for their turn on this side.
// Consequence: the window grows only while answers take little longer than the shortest (as in Netflix's concurrency
// limits), and never beyond what the rate of requests lets through.
// Rule: kinds of requests take different times: a create takes longer than a listing, however few are under way.
// Consequence: each answer is compared with the shortest of its own kind.

/// A number of requests under way that grows with success; pure.
package struct FlightWindow: Sendable {
    /// Answers that take this much longer than the shortest are no sign that more may be under way.
    private static let slack: Duration = .milliseconds(50)
    /// The shortest time is forgotten over so many windows of answers: a service may become slower for good.
    ///
    /// Were it sooner, what waits because too many are under way would soon count as the usual time.
    private static let memory = 256

    /// How many may be under way.
    package private(set) var size: Int
    private let sizeMin: Int
    private let sizeMax: Int
    /// By kind.
    private var shortest: [String: Duration] = [:]

    /// A window that begins with `sizeMin` requests, and never lets more than `sizeMax` through.
    package init(_ sizeMin: Int, upTo sizeMax: Int) {
        precondition(sizeMin > 0 && sizeMin <= sizeMax, "a window without requests never grows")
        size = sizeMin
        self.sizeMin = sizeMin
        self.sizeMax = sizeMax
    }

    /// A request of a kind has succeeded after `time`; `isFull` says whether others waited for the window.
    package mutating func succeeded(after time: Duration, of kind: String = "", isFull: Bool) {
        let shortest = min(time, self.shortest[kind].map { $0 + $0 / (Self.memory * size) } ?? time)
        self.shortest[kind] = shortest
        if isFull, size < sizeMax, time <= shortest * 2 + Self.slack { size += 1 }
    }

    /// A request has failed in a way that more requests under way may have caused.
    package mutating func failed() { size = max(sizeMin, size * 7 / 10) }

    /// Nothing is under way any more: what comes next finds another service.
    package mutating func ended() { self = FlightWindow(sizeMin, upTo: sizeMax) }
}
