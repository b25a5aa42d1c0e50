// SPDX-License-Identifier: Apache-2.0

/// The pickled exception that the daemon itself stores for a task that came to no outcome of its own.
///
/// A Scaler client loads the object of a failed task with `pickle.loads`, whatever its serializer, and raises what it
/// finds; anything that is no exception would surface there as a TypeError.
package enum FailurePickle {
    /// The built-in exceptions that the daemon has a use for, by their Python names.
    package enum ExceptionName: String, CaseIterable, Sendable {
        /// Anything that fits nowhere else, as Scaler's own managers raise it.
        case runtimeError = "RuntimeError"
        /// The instance ran longer than its job timeout.
        case timeoutError = "TimeoutError"
        /// The container was killed for want of memory.
        case memoryError = "MemoryError"
        /// The cloud refused for want of permission.
        case permissionError = "PermissionError"
        /// Something the daemon was given makes no sense.
        case valueError = "ValueError"
        /// The cloud or the object storage could not be reached in time.
        case connectionError = "ConnectionError"
        /// The process that ran the task ended before the task did: Scaler's own exception for it.
        case processorDiedError = "ProcessorDiedError"

        /// The module to import it from; Scaler's is there wherever a client is.
        var module: String { self == .processorDiedError ? "scaler.utility.exceptions" : "builtins" }
    }

    /// Returns the pickle of `name(text)`.
    package static func encode(_ name: ExceptionName = .runtimeError, _ text: String) -> [UInt8] {
        var writer = PickleWriter()
        writer.write(global: name.rawValue, of: name.module)
        writer.write(text: text)
        writer.write(.tuple1)
        writer.write(.reduce)
        writer.write(.stop)
        return writer.bytes
    }
}
