// SPDX-License-Identifier: Apache-2.0

internal import EventLoop

/// Lets tasks load their inputs when their create is near, first come, first served: what waits in memory for a create is
/// little, however many tasks wait.
@LoopActor
final class LoadGate {
    /// How long a load may keep others from loading: inputs of a client that is gone never come.
    private static let loadTimeMax: Duration = .seconds(1)

    private let placeCount: Int
    private var takenCount = 0
    private let line = TicketQueue<Void>()

    /// Lets so many through that have not got their instance yet.
    init(placeCount: Int) { self.placeCount = placeCount }

    /// How many tasks wait before the gate.
    var waitingCount: Int { line.count }

    /// Suspends until a create is near; the place must be left when the instance is made, or never will be.
    func enter() async throws(WaitError) -> Place {
        if takenCount < placeCount { takenCount += 1 } else { try await line.wait() }
        return Place(self)
    }

    private func left() { if takenCount > placeCount || !line.grantNext(()) { takenCount -= 1 } }

    private func cameBack() { takenCount += 1 }

    /// A task that loads its inputs or waits with them for its create.
    @LoopActor
    final class Place {
        private var gate: LoadGate?
        private var timer: LoopTimer?

        fileprivate init(_ gate: LoadGate) {
            self.gate = gate
            timer = LoopTimer(.after(LoadGate.loadTimeMax)) { [weak self] in self?.leave() }
        }

        /// The inputs are there: from here on only a create that is answered makes room.
        func loaded() { timer?.stop() }

        /// Lets the next through while `body` stores what was loaded, for the budget of bytes bounds that; comes back without a
        /// wait, so that for a while more tasks than there are places may wait for their create.
        func stepAside<Value>(
            while body: @LoopActor () async throws(TaskInterruption) -> Value
        ) async throws(TaskInterruption) -> Value {
            gate?.left()
            defer { gate?.cameBack() }
            return try await body()
        }

        /// Lets the next through; more than once is harmless.
        func leave() {
            timer?.stop()
            gate?.left()
            gate = nil
        }
    }
}
