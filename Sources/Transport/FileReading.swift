// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Reads a whole file of at most `byteCountMax` bytes: a key, a token, a configuration.
///
/// Blocks the loop for as long as the disk takes, so it is for small files.
package func readFile(_ path: String, byteCountMax: Int) throws(TransportError) -> [UInt8] {
    let fileDescriptor = Int32(
        try during(.file) { () throws(SystemCallError) in
            // Without O_NONBLOCK a named pipe would be waited on for ever.
            try promptSystemCall("open") { Int(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) }
        }
    )
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
package func isFileOpenToOthers(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & 0o077 != 0
}
