// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Glibc
import TestSupport
import Testing
import Transport

@Suite struct FileTests {
    @Test func `a spool file gives back what was appended, from anywhere`() async throws {
        try await onLoop {
            let file = try SpoolFile()
            let bytes = patternBytes(300_000)
            for start in stride(from: 0, to: bytes.count, by: 70_001) {
                try file.append(bytes[start..<min(start + 70_001, bytes.count)])
            }
            #expect(file.count == bytes.count)
            #expect(try file.read(at: 0, upTo: .max) == bytes)
            #expect(try file.read(at: 123_456, upTo: 10) == Array(bytes[123_456..<123_466]))
            #expect(try file.read(at: 299_999, upTo: 10) == [bytes[299_999]])
            #expect(try file.read(at: 300_000, upTo: 10).isEmpty)
        }
    }

    @Test func `bytes are handed to the disk in steps, the next when it has the one before`() {
        let step = WriteBack.stepBytes
        var writeBack = WriteBack()
        #expect(writeBack.next(after: step - 1) { _ in true } == nil)
        #expect(writeBack.next(after: step + 5) { _ in false } == 0..<step)
        #expect(writeBack.next(after: 2 * step - 1) { _ in true } == nil)
        var asked: [Range<Int>] = []
        let isOnDisk = { (part: Range<Int>, answer: Bool) -> Bool in
            asked.append(part)
            return answer
        }
        #expect(writeBack.next(after: 5 * step) { isOnDisk($0, false) } == nil)
        #expect(writeBack.next(after: 5 * step) { isOnDisk($0, true) } == step..<2 * step)
        #expect(writeBack.next(after: 5 * step) { isOnDisk($0, true) } == 2 * step..<3 * step)
        #expect(asked == [0..<step, 0..<step, step..<2 * step])
    }

    @Test func `a spool file of several steps gives back what was appended`() async throws {
        try await onLoop {
            let file = try SpoolFile()
            let bytes = patternBytes(1 << 20)
            for _ in 0..<10 {
                try file.append(bytes[...])
                await yieldToOthers()
            }
            for index in 0..<10 { #expect(try file.read(at: index << 20, upTo: 1 << 20) == bytes) }
        }
    }

    @Test func `a large file is given back in steps, with turns for others between them`() async throws {
        try await onLoop {
            let file = TemporaryFile([])
            let descriptor = open(file.path, O_RDWR | O_CLOEXEC)
            let byteCount = 3 * releaseStepBytes + 1
            try #require(ftruncate(descriptor, byteCount) == 0)
            let begin = EventLoop.statistics.turnCount
            await releaseFile(descriptor, byteCount: byteCount)
            #expect(EventLoop.statistics.turnCount - begin >= 3)
            var status = stat()
            #expect(stat(file.path, &status) == 0 && status.st_size == 1)
        }
    }

    /// Counts the descriptors of all, so this runs in a process of its own.
    @Test func `a large spool file is closed after some turns, and a small one at once`() async {
        await #expect(processExitsWith: .success) {
            let isProven = EventLoop.run { () async -> Bool in
                let piece = [UInt8](repeating: 1, count: releaseStepBytes)
                var file = try? SpoolFile()
                let openCount = openDescriptorCount()
                for _ in 0..<3 { try? file?.append(piece[...]) }
                file = nil
                guard openDescriptorCount() == openCount else { return false }
                for _ in 0..<4 { await yieldToOthers() }
                guard openDescriptorCount() == openCount - 1 else { return false }
                file = try? SpoolFile()
                try? file?.append(piece[...])
                file = nil
                return openDescriptorCount() == openCount - 1
            }
            precondition(isProven)
        }
    }

    @Test func `a spool file in a directory that is none fails with the kernel's reason`() async throws {
        try await onLoop {
            _ = #expect(
                throws: TransportError.systemCall(SystemCallError(call: "open", number: ENOENT), .file)
            ) {
                _ = try SpoolFile(directory: "/nonexistent")
            }
        }
    }

    @Test func `a full disk is a fault of ours`() {
        let error = TransportError.systemCall(SystemCallError(call: "pwrite", number: ENOSPC), .file)
        #expect(error.fault == .ours)
    }

    /// The limit of file size is the process's, so this runs in a process of its own.
    @Test func `a spool file that cannot grow stays as it was`() async {
        await #expect(processExitsWith: .success) {
            let isProven = EventLoop.run { () async -> Bool in
                signal(SIGXFSZ, SIG_IGN)
                var limit = rlimit(rlim_cur: 10_000, rlim_max: 10_000)
                setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
                guard let file = try? SpoolFile(), (try? file.append([1, 2, 3])) != nil else { return false }
                do throws(TransportError) {
                    try file.append([UInt8](repeating: 9, count: 20_000)[...])
                    return false
                } catch {
                    let full = TransportError.systemCall(
                        SystemCallError(call: "pwrite", number: EFBIG),
                        .file
                    )
                    return error == full && file.count == 3
                        && (try? file.read(at: 0, upTo: 9)) == [1, 2, 3]
                }
            }
            precondition(isProven)
        }
    }

    @Test func `a file is read whole, up to its limit`() throws {
        let file = TemporaryFile(patternBytes(100_000))
        #expect(try readFile(file.path, byteCountMax: 100_000) == patternBytes(100_000))
        #expect(throws: TransportError.fileTooLarge(path: file.path, byteCountMax: 99_999)) {
            try readFile(file.path, byteCountMax: 99_999)
        }
    }

    @Test(arguments: [("/nonexistent", "open", ENOENT), ("/", "read", EISDIR)])
    func `a file that cannot be read is told with the call and the reason`(
        _ path: String,
        _ call: String,
        _ number: Int32
    ) {
        #expect(throws: TransportError.systemCall(SystemCallError(call: call, number: number), .file)) {
            try readFile(path, byteCountMax: 10)
        }
    }

    @Test func `a file that others may read is noticed`() {
        let file = TemporaryFile([1])
        #expect(!isFileOpenToOthers(file.path))
        chmod(file.path, 0o644)
        #expect(isFileOpenToOthers(file.path))
        #expect(!isFileOpenToOthers("/nonexistent"))
    }

    /// systemd shows such a file as 0440, for its access list names the service's user.
    @Test func `a credential of systemd may be its group's, but neither written by it nor anybody else's`() {
        let file = TemporaryFile([1])
        let directory = String(file.path.prefix(upTo: file.path.lastIndex(of: "/") ?? file.path.startIndex))
        for (mode, isOpen) in [(0o400, false), (0o440, false), (0o460, true), (0o444, true)] {
            chmod(file.path, mode_t(mode))
            #expect(isFileOpenToOthers(file.path, credentialsDirectory: directory) == isOpen)
            #expect(isFileOpenToOthers(file.path, credentialsDirectory: nil) == (mode != 0o400))
        }
        chmod(file.path, 0o440)
        #expect(isFileOpenToOthers(file.path, credentialsDirectory: "\(directory)x"))
        #expect(isFileOpenToOthers(file.path, credentialsDirectory: ""))
    }
}

/// How many descriptors this process has, one for the look at them included.
private func openDescriptorCount() -> Int {
    guard let directory = opendir("/proc/self/fd") else { return 0 }
    defer { closedir(directory) }
    var count = 0
    while readdir(directory) != nil { count += 1 }
    return count
}
