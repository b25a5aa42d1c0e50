// SPDX-License-Identifier: Apache-2.0
//
// The file of a Unix socket.
//
// Rule: the file outlives the process that made it, and bind(2) refuses a path where a file is (unix(7)).
// Consequence: a file that nobody listens behind is taken over at the start, and one's own is removed at the end, as long
// as it is still the same file.
// Rejected: to remove whatever is there. It may be a file of the user's, or another process may answer.

internal import EventLoop
internal import Glibc

/// One socket in the file system, told from a later one at the same path.
struct SocketFile: Equatable {
    private let path: String
    private let device: dev_t
    private let number: ino_t

    /// The socket at `path` as it is now; nil if there is none, or something else.
    init?(at path: String) {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return nil }
        self.path = path
        device = status.st_dev
        number = status.st_ino
    }

    /// Whether nobody listens behind it; a process that is too busy to accept does.
    @LoopActor var isAbandoned: Bool {
        let address = SocketAddress.unix(path: path)
        do throws(SystemCallError) {
            try Socket(for: address).beginConnect(to: address)
            return false
        } catch {
            return error.number == ECONNREFUSED
        }
    }

    /// Removes it, unless another file has taken its place; whether it is gone.
    @discardableResult
    func remove() -> Bool { SocketFile(at: path) == self && unlink(path) == 0 }
}
