// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The stream to systemd's journal that a service may have been given in place of standard output or error.
///
/// The journal knows the time of a line itself, and takes its priority from `<N>` at its start (sd-daemon(3)).
struct JournalStream: Equatable {
    let device: UInt64
    let inode: UInt64

    /// What `JOURNAL_STREAM` says (systemd.exec(5)): `device:inode`, in decimal digits; nil for anything else.
    init?(_ text: String?) {
        guard let parts = text?.split(separator: ":", omittingEmptySubsequences: false), parts.count == 2,
            let device = UInt64(parts[0]), let inode = UInt64(parts[1])
        else { return nil }
        self.device = device
        self.inode = inode
    }

    /// The stream of this process.
    static var current: JournalStream? { JournalStream(getenv("JOURNAL_STREAM").map { String(cString: $0) }) }

    /// Whether an open descriptor is this stream, which it is not any more where a shell has sent it elsewhere.
    func isOpen(as descriptor: Int32) -> Bool {
        var status = stat()
        return fstat(descriptor, &status) == 0 && UInt64(status.st_dev) == device
            && UInt64(status.st_ino) == inode
    }
}
