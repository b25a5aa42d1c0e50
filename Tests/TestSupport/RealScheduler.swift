// SPDX-License-Identifier: Apache-2.0

package import EventLoop
internal import Glibc

/// Which wire a scheduler speaks, in the words of `SCALER_NETWORK_BACKEND`.
package enum SchedulerBackend: String, Sendable, CaseIterable {
    case zmq
    case ymq
}

/// The stock Scaler programs of the Python environment that `SCALER_TEST_PYTHON` names.
package enum RealScaler {
    /// Whether tests against the real programs can run.
    package static let isInstalled = directory != nil

    /// What to do where they cannot, for a test that is skipped.
    package static let hint =
        "set SCALER_TEST_PYTHON to the python of an environment with opengris-scaler[zmq]"

    /// Where its programs are, such as `scaler_scheduler`.
    package static var directory: String? {
        guard let python = getenv("SCALER_TEST_PYTHON").map({ String(cString: $0) }),
            let slash = python.lastIndex(of: "/")
        else { return nil }
        return String(python[..<slash])
    }

    /// The full path of one of its programs.
    package static func program(_ name: String) -> String {
        (directory ?? "") + "/" + name
    }

    /// Starts an object storage server on a free port; `arguments` are more of its own.
    @LoopActor
    package static func startObjectStorage(
        scheme: String = "tcp",
        port: UInt16? = nil,
        arguments: [String] = []
    ) async throws -> ServerProcess {
        let port = try port ?? freePort()
        return try await ServerProcess(
            [program("scaler_object_storage_server"), "\(scheme)://127.0.0.1:\(port)"] + arguments,
            port: port
        )
    }
}

/// A real scheduler with its real object storage server.
@LoopActor
package final class RealScheduler {
    private let arguments: [String]
    /// The wire it speaks.
    package let backend: SchedulerBackend
    /// The server that holds the objects; it always speaks YMQ.
    package let objectStorage: ServerProcess
    /// The scheduler; another one after `restart`.
    package private(set) var process: ServerProcess

    /// The scheduler's port on 127.0.0.1.
    package var port: UInt16 {
        process.port
    }

    /// Starts both on free ports; `arguments` go to the scheduler.
    package init(_ backend: SchedulerBackend, arguments: [String] = []) async throws {
        self.backend = backend
        self.arguments = arguments
        objectStorage = try await RealScaler.startObjectStorage()
        do {
            process = try await startScheduler(backend, freePort(), objectStorage.port, arguments)
        } catch {
            await objectStorage.stop()
            throw error
        }
    }

    /// Kills the scheduler and starts another on the same port, which knows nothing of the first.
    package func restart() async throws {
        await process.crash()
        process = try await startScheduler(backend, port, objectStorage.port, arguments)
    }

    /// Ends both.
    package func stop() async {
        await process.stop()
        await objectStorage.stop()
    }
}

@LoopActor
private func startScheduler(
    _ backend: SchedulerBackend,
    _ port: UInt16,
    _ objectStoragePort: UInt16,
    _ arguments: [String]
) async throws -> ServerProcess {
    try await ServerProcess(
        [
            RealScaler.program("scaler_scheduler"), "tcp://127.0.0.1:\(port)",
            "--object-storage-address", "tcp://127.0.0.1:\(objectStoragePort)",
        ] + arguments,
        environment: ["SCALER_NETWORK_BACKEND": backend.rawValue],
        port: port
    )
}
