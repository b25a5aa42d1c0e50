// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Makes `bytes` the content of the file at `path`, whole or not at all, readable by its owner only.
///
/// A reader sees the old file or the new one: the bytes are written beside it and moved into its place. Blocks the
/// loop for as long as the disk takes, so it is for small files.
package func replaceFile(_ path: String, with bytes: [UInt8]) throws(TransportError) {
    var partial = Array("\(path).XXXXXX".utf8CString)
    let fileDescriptor = Int32(
        try during(.file) { () throws(SystemCallError) in
            // The name is unique and the mode 0600.
            try promptSystemCall("mkstemp") { Int(mkstemp(&partial)) }
        }
    )
    do throws(TransportError) {
        try during(.file) { () throws(SystemCallError) in
            try writeAll(bytes, to: fileDescriptor)
            _ = try promptSystemCall("fsync") { Int(fsync(fileDescriptor)) }
            _ = try promptSystemCall("rename") { Int(rename(partial, path)) }
        }
        close(fileDescriptor)
    } catch {
        close(fileDescriptor)
        unlink(partial)
        throw error
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
