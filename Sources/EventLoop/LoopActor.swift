// SPDX-License-Identifier: Apache-2.0

/// The global actor whose jobs all run on the loop's thread.
@globalActor
package actor LoopActor {
    package static let shared = LoopActor()

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        LoopExecutor.shared.asUnownedSerialExecutor()
    }

    /// Runs `body` at once on behalf of a callback from C, which is on the loop's thread already.
    ///
    /// Traps on any other thread.
    package static func assumeIsolated<Value: Sendable>(_ body: @LoopActor () -> Value) -> Value {
        LoopExecutor.shared.checkIsolated()
        // The type system cannot express "this thread is the actor's"; the check above is the proof.
        return withoutActuallyEscaping(body) { body in
            unsafeBitCast(body, to: (() -> Value).self)()
        }
    }
}
