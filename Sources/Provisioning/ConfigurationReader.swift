// SPDX-License-Identifier: Apache-2.0

package import Configuration
internal import Transport

/// Reads configuration files.
package enum ConfigurationReader {
    /// More than any configuration file needs; a device file by mistake must not fill the memory.
    private static let bytesMax = 1 << 20

    /// The bytes of the file at `path`.
    package static func read(_ path: String) throws(FileUnreadable) -> [UInt8] {
        do throws(TransportError) {
            return try readFile(path, byteCountMax: bytesMax)
        } catch {
            throw FileUnreadable(reason: "\(error)")
        }
    }
}
