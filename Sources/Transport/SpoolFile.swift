// SPDX-License-Identifier: Apache-2.0

package import EventLoop
internal import Glibc

/// A temporary file without a name, for bytes too many to keep in memory; gone with its last holder, or the process.
///
/// Its calls block the loop, but only for a copy to or from the page cache as a rule.
@LoopActor
package final class SpoolFile {
    private let fileDescriptor: Int32
    /// How many bytes the file holds.
    package private(set) var count = 0

    /// Makes an empty file in `directory`; nil means TMPDIR, else /var/tmp, for /tmp is often memory.
    package init(directory: String? = nil) throws(TransportError) {
        let directory = directory ?? environmentVariable("TMPDIR") ?? "/var/tmp"
        fileDescriptor = try during(.file) { () throws(SystemCallError) in
            try openNameless(directory)
        }
    }

    /// Adds `bytes` at the end; when they do not fit it throws, and the file is as before.
    package func append(_ bytes: [UInt8]) throws(TransportError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let position = count + bytes.count - rest.count
            let written = try during(.file) { () throws(SystemCallError) in
                try promptSystemCall("pwrite") {
                    rest.withUnsafeBytes { pwrite(fileDescriptor, $0.baseAddress, $0.count, position) }
                }
            }
            rest = rest.dropFirst(written)
        }
        count += bytes.count
    }

    /// The bytes from `position` on, `maximumCount` or as many as there are.
    package func read(at position: Int, upTo maximumCount: Int) throws(TransportError) -> [UInt8] {
        let wanted = min(maximumCount, max(0, count - position))
        if wanted == 0 { return [] }
        let bytes = try during(.file) { () throws(SystemCallError) in
            try bytesOfSystemCall("pread", upTo: wanted) { pread(fileDescriptor, $0, wanted, position) }
        }
        guard let bytes else { throw .systemCall(SystemCallError(call: "pread", number: EAGAIN), .file) }
        return bytes
    }

    deinit { close(fileDescriptor) }
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
