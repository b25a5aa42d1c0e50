// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import Transport

/// Gives memory back a while after the last work, once for each spell of work.
@LoopActor
final class IdleTrim {
    private static let delay: Duration = .seconds(2)

    private let work = Wakeup()
    private var isBusy: @LoopActor () -> Bool

    /// `isBusy` tells whether tasks are in hand.
    init(isBusy: @escaping @LoopActor () -> Bool) {
        self.isBusy = isBusy
    }

    /// Notes that there was work, and that it may be over.
    func noteWork() {
        work.ring()
    }

    /// Trims until cancelled.
    func run() async {
        work.ring()
        while (try? await work.wait()) != nil {
            guard (try? await sleep(for: Self.delay)) != nil else { return }
            if !isBusy() { ResidentPages.release() }
        }
    }
}
