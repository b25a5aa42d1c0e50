// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Reads a whole file of at most `byteCountMax` bytes: a key, a token, a configuration; blocks the loop for as long
/// as the disk takes, so it is for small files.
package func readFile(_ path: String, byteCountMax: Int) throws(TransportError) -> [UInt8] {
    let fileDescriptor = try during(.file) { () throws(SystemCallError) in
        // Without O_NONBLOCK a named pipe would be waited on for ever.
        Int32(try promptSystemCall("open") { Int(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) })
    }
    defer { close(fileDescriptor) }
    var bytes: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 64 * 1024)
    while true {
        let count = try during(.file) { () throws(SystemCallError) in
            try promptSystemCall("read") { read(fileDescriptor, &block, block.count) }
        }
        if count == 0 { return bytes }
        bytes += block[..<count]
        if bytes.count > byteCountMax { throw .fileTooLarge(path: path, byteCountMax: byteCountMax) }
    }
}

/// Whether others than the owner may read or write the file at `path`; false when it cannot be asked.
///
/// Below `credentialsDirectory`, which systemd lets nobody but the service enter, the bits of the group are the mask of the
/// file's access list (systemd.exec(5), `LoadCredential=`): 0440 is as private there as 0400.
package func isFileOpenToOthers(
    _ path: String,
    credentialsDirectory: String? = environmentVariable("CREDENTIALS_DIRECTORY")
) -> Bool {
    var status = stat()
    guard stat(path, &status) == 0 else { return false }
    let isCredential = credentialsDirectory.map { !$0.isEmpty && path.hasPrefix("\($0)/") } ?? false
    return status.st_mode & (isCredential ? 0o027 : 0o077) != 0
}

/// What to tell of a file with a secret that others than its owner may read or write, and what to do; nil if nobody may.
package func warningOfOpenness(of path: String) -> String? {
    guard isFileOpenToOthers(path) else { return nil }
    return "permissions on \(path) are too open: anyone on this host can use it; run `chmod 600 \(path)`"
}

/// Makes `bytes` the content of the file at `path`, whole or not at all, readable by its owner only.
///
/// A reader sees the old file or the new one: the bytes are written beside it and moved into its place. Blocks the
/// loop for as long as the disk takes, so it is for small files.
package func replaceFile(_ path: String, with bytes: [UInt8]) throws(TransportError) {
    var partial = Array("\(path).XXXXXX".utf8CString)
    try during(.file) { () throws(SystemCallError) in
        // The name is unique and the mode 0600.
        let fileDescriptor = Int32(try promptSystemCall("mkstemp") { Int(mkstemp(&partial)) })
        defer { close(fileDescriptor) }
        do throws(SystemCallError) {
            try writeAll(bytes, to: fileDescriptor)
            try promptSystemCall("fsync") { Int(fsync(fileDescriptor)) }
            try promptSystemCall("rename") { Int(rename(partial, path)) }
        } catch {
            unlink(partial)
            throw error
        }
    }
}

private func writeAll(_ bytes: [UInt8], to fileDescriptor: Int32) throws(SystemCallError) {
    var rest = bytes[...]
    while !rest.isEmpty {
        let written = try promptSystemCall("write") {
            rest.withUnsafeBytes { write(fileDescriptor, $0.baseAddress, $0.count) }
        }
        rest = rest.dropFirst(written)
    }
}

/// Adds `bytes`, whole lines, to the file at `path`, made if it is not there, readable by its owner only.
///
/// A file that would be larger than `byteCountMax` first takes the name `path.1`, in place of the one that has it. What cannot
/// be written whole is not written; a file that ends in half a line gets its end first. Blocks the loop for as long as the disk
/// takes, so it is for small pieces.
package func appendToFile(
    _ path: String,
    _ bytes: [UInt8],
    rotatingAt byteCountMax: Int
) throws(TransportError) {
    try during(.file) { () throws(SystemCallError) in
        var fileDescriptor = try openToAppend(path)
        defer { close(fileDescriptor) }
        var size = try promptSystemCall("lseek") { Int(lseek(fileDescriptor, 0, SEEK_END)) }
        if size > 0, size + bytes.count > byteCountMax {
            try promptSystemCall("rename") { Int(rename(path, "\(path).1")) }
            let next = try openToAppend(path)
            close(fileDescriptor)
            fileDescriptor = next
            size = 0
        }
        var last = UInt8(ascii: "\n")
        if size > 0 { try promptSystemCall("pread") { pread(fileDescriptor, &last, 1, off_t(size - 1)) } }
        do throws(SystemCallError) {
            let start = last == UInt8(ascii: "\n") ? [] : [UInt8(ascii: "\n")]
            try writeAll(start + bytes, to: fileDescriptor)
        } catch {
            ftruncate(fileDescriptor, off_t(size))
            throw error
        }
    }
}

/// Not through a link that somebody else may have put there, and without waiting for a named pipe.
private func openToAppend(_ path: String) throws(SystemCallError) -> Int32 {
    let flags = O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
    return Int32(try promptSystemCall("open") { Int(open(path, flags, 0o600)) })
}
