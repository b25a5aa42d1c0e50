// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import EventLoop
internal import Glibc

/// A pipe of which one end goes to a child and the other, non-blocking, stays here.
@LoopActor
final class Pipe {
    private(set) var readEnd: Int32
    private(set) var writeEnd: Int32
    private var readiness: Readiness?

    init() throws(TransportError) {
        var ends: [Int32] = [-1, -1]
        try during(.process) { () throws(SystemCallError) in
            _ = try promptSystemCall("pipe2") { Int(clinux_open_pipe(&ends, O_CLOEXEC)) }
        }
        (readEnd, writeEnd) = (ends[0], ends[1])
    }

    /// The child has its read end; ours goes.
    func keepWriteEnd() {
        close(readEnd)
        readEnd = -1
        keep(writeEnd)
    }

    /// The child has its write end; ours goes, or the end of the output would never show.
    func keepReadEnd() {
        close(writeEnd)
        writeEnd = -1
        keep(readEnd)
    }

    func read(upTo byteCount: Int, until deadline: Deadline) async throws(TransportError) -> [UInt8] {
        while true {
            let bytes = try during(.process) { () throws(SystemCallError) in
                try bytesOfSystemCall("read", upTo: byteCount) { Glibc.read(readEnd, $0, byteCount) }
            }
            if let bytes { return bytes }
            try await waiting(.process) { () async throws(WaitError) in
                try await readiness?.wait(for: .read, until: deadline)
            }
        }
    }

    /// Writes everything and closes; a child that does not want it is no error.
    func write(_ bytes: [UInt8]) async {
        var rest = bytes[...]
        while !rest.isEmpty {
            do throws(SystemCallError) {
                let count = try systemCall("write") {
                    rest.withUnsafeBytes { Glibc.write(writeEnd, $0.baseAddress, $0.count) }
                }
                rest = rest.dropFirst(count ?? 0)
                guard count == nil else { continue }
            } catch {
                break
            }
            guard (try? await readiness?.wait(for: .write, until: .never)) != nil else { break }
        }
        readiness?.close()
        close(writeEnd)
        writeEnd = -1
    }

    private func keep(_ end: Int32) {
        // What the kernel did not refuse at the pipe's making it does not refuse here.
        _ = fcntl(end, F_SETFL, O_NONBLOCK)
        readiness = Readiness(end)
    }

    deinit {
        if readEnd >= 0 { close(readEnd) }
        if writeEnd >= 0 { close(writeEnd) }
    }
}
