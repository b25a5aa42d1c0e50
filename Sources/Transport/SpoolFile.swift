// SPDX-License-Identifier: Apache-2.0

internal import CLinux
package import EventLoop
internal import Glibc

/// What holds the bytes of one spool, and is gone with its last holder: a file without a name, or a simulation's memory.
@LoopActor
package protocol SpoolStore: AnyObject {
    /// Stores some of the bytes from `position` on; returns how many.
    func write(_ bytes: ArraySlice<UInt8>, at position: Int) throws(SystemCallError) -> Int
    /// The `count` bytes from `position` on, which were written, or the first of them.
    func read(at position: Int, count: Int) throws(SystemCallError) -> [UInt8]
}

/// A temporary file without a name, for bytes too many to keep in memory; gone with its last holder, or the process.
///
/// Its calls block the loop, but only for a copy to or from the page cache as a rule; `BlobWriter` keeps writes short.
@LoopActor
package final class SpoolFile {
    /// Makes the store of a spool in a directory; a simulation replaces it.
    package static var makeStore: @LoopActor (String) throws(SystemCallError) -> any SpoolStore = {
        directory throws(SystemCallError) in try NamelessFile(directory)
    }

    private let store: any SpoolStore
    /// How many bytes the file holds.
    package private(set) var count = 0

    /// Where the files are: TMPDIR, else /var/tmp, for /tmp is often memory.
    package nonisolated static var directory: String { environmentVariable("TMPDIR") ?? "/var/tmp" }

    /// Makes an empty file in `directory`, or in the usual one.
    package init(directory: String? = nil) throws(TransportError) {
        let directory = directory ?? Self.directory
        store = try during(.file) { () throws(SystemCallError) in try Self.makeStore(directory) }
    }

    /// Adds `bytes` at the end; when they do not fit it throws, and the file is as before.
    package func append(_ bytes: ArraySlice<UInt8>) throws(TransportError) {
        var rest = bytes
        while !rest.isEmpty {
            let position = count + bytes.count - rest.count
            let written = try during(.file) { () throws(SystemCallError) in
                try store.write(rest, at: position)
            }
            rest = rest.dropFirst(written)
        }
        count += bytes.count
    }

    /// The bytes from `position` on, `maximumCount` or as many as there are.
    package func read(at position: Int, upTo maximumCount: Int) throws(TransportError) -> [UInt8] {
        let wanted = min(maximumCount, max(0, count - position))
        if wanted == 0 { return [] }
        return try during(.file) { () throws(SystemCallError) in
            try store.read(at: position, count: wanted)
        }
    }
}

/// When the bytes of a growing file are handed to the disk: early, lest the kernel find so many unwritten ones that it makes
/// the writer, and with it the loop, wait; and not before the disk has those handed to it earlier, for its queue is full then
/// and the call would wait, too.
///
/// What was written stays in the page cache, so that it is read back without the disk.
package struct WriteBack: Sendable {
    /// How many bytes are handed over at a time.
    package static let stepBytes = 4 << 20

    private var begun = 0

    /// Nothing was handed over yet.
    package init() {}

    /// The part to hand over now that `count` bytes were written, nil for none; `isOnDisk` tells of the part before it.
    package mutating func next(after count: Int, isOnDisk: (Range<Int>) -> Bool) -> Range<Int>? {
        guard count - begun >= Self.stepBytes else { return nil }
        guard begun == 0 || isOnDisk(begun - Self.stepBytes..<begun) else { return nil }
        begun += Self.stepBytes
        return begun - Self.stepBytes..<begun
    }
}

/// A file of the host.
@LoopActor
private final class NamelessFile: SpoolStore {
    private let fileDescriptor: Int32
    private var writeBack = WriteBack()
    private var byteCount = 0

    init(_ directory: String) throws(SystemCallError) { fileDescriptor = try openNameless(directory) }

    func write(_ bytes: ArraySlice<UInt8>, at position: Int) throws(SystemCallError) -> Int {
        let written = try promptSystemCall("pwrite") {
            bytes.withUnsafeBytes { pwrite(fileDescriptor, $0.baseAddress, $0.count, position) }
        }
        byteCount = max(byteCount, position + written)
        let next = writeBack.next(after: byteCount) {
            clinux_unwritten_pages(fileDescriptor, $0.lowerBound, $0.count) <= 0
        }
        // Advice: where it is refused, the kernel writes in its own time.
        if let next { _ = clinux_begin_write_back(fileDescriptor, next.lowerBound, next.count) }
        return written
    }

    func read(at position: Int, count: Int) throws(SystemCallError) -> [UInt8] {
        let bytes = try bytesOfSystemCall("pread", upTo: count) {
            pread(fileDescriptor, $0, count, position)
        }
        guard let bytes else { throw SystemCallError(call: "pread", number: EAGAIN) }
        return bytes
    }

    deinit {
        let fileDescriptor = fileDescriptor
        let byteCount = byteCount
        if byteCount <= releaseStepBytes {
            close(fileDescriptor)
        } else {
            spawn { await releaseFile(fileDescriptor, byteCount: byteCount) }
        }
    }
}

/// How many bytes of a file are given back at a time.
package let releaseStepBytes = 16 << 20

/// Closes a file that nobody else has, and gives its bytes back from the end before, with a turn for others after each step.
///
/// When a file without a name is closed the kernel frees all of it at once, and waits for what is on its way to the disk: it
/// has 60 ms of work for 1 GB.
@LoopActor
package func releaseFile(_ fileDescriptor: Int32, byteCount: Int) async {
    var left = byteCount
    while left > releaseStepBytes {
        left -= releaseStepBytes
        // Where it fails, the close frees the rest.
        if ftruncate(fileDescriptor, left) != 0 { break }
        await yieldToOthers()
    }
    close(fileDescriptor)
}

private func openNameless(_ directory: String) throws(SystemCallError) -> Int32 {
    // O_TMPFILE, which Swift cannot see, has this value on every architecture that Swift runs on.
    let nameless = 0o20_000_000 | O_DIRECTORY
    do throws(SystemCallError) {
        return Int32(
            try promptSystemCall("open") { Int(open(directory, nameless | O_RDWR | O_CLOEXEC, 0o600)) }
        )
    } catch  where [EOPNOTSUPP, EISDIR, EINVAL].contains(error.number) {
        // A file system without nameless files: make one with a name and take the name away.
        var path = Array((directory + "/scaler-oci-hpc-XXXXXX").utf8CString)
        let fileDescriptor = Int32(try promptSystemCall("mkstemp") { Int(mkstemp(&path)) })
        unlink(path)
        return fileDescriptor
    }
}
