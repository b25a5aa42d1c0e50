// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// How many file descriptors this process may have open.
package enum DescriptorLimit {
    /// The limit in force, the soft one of RLIMIT_NOFILE (getrlimit(2)).
    package static var current: Int { Int(clamping: limits.rlim_cur) }

    /// Raises the limit to the most that an unprivileged process may have, the hard one; returns the limit in force then.
    ///
    /// The soft limit is low for the sake of select(2), which nothing here uses.
    @discardableResult
    package static func raise() -> Int {
        var limits = limits
        limits.rlim_cur = limits.rlim_max
        // Where it is refused the limit stays as it is.
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits)
        return current
    }

    /// How many are open, as the kernel lists them; nil where it does not.
    package static var openCount: Int? {
        guard let directory = opendir("/proc/self/fd") else { return nil }
        defer { closedir(directory) }
        var count = 0
        while let entry = readdir(directory) {
            if entry.pointee.d_name.0 != CChar(bitPattern: UInt8(ascii: ".")) { count += 1 }
        }
        // One of them is the directory's own.
        return count - 1
    }

    /// Whether not one more can be opened now, in this process or on the host.
    static var isReached: Bool {
        let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
        let number = errno
        guard descriptor < 0 else {
            close(descriptor)
            return false
        }
        return number == EMFILE || number == ENFILE
    }

    private static var limits: rlimit {
        var limits = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits)
        return limits
    }
}
