// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc

/// Memory that this process holds and does not use.
package enum ResidentPages {
    /// Releases the code that only the start or a burst of work needed, and free heap.
    ///
    /// Linking, the search through the runtime's protocol conformances and the reading of certificates touch
    /// nearly every page of the program and its libraries once, and nothing ever unmaps them again. Code is
    /// never written to, so its pages may go at any time: what is used comes back from the page cache at the
    /// next touch. Returns how many mappings were released.
    @discardableResult
    package static func release() -> Int {
        _ = clinux_trim_heap()
        guard let bytes = try? readFile("/proc/self/maps", byteCountMax: 1 << 20) else { return 0 }
        var count = 0
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            guard let range = codeMapping(line),
                let start = UnsafeMutableRawPointer(bitPattern: range.lowerBound)
            else { continue }
            if madvise(start, range.count, MADV_DONTNEED) == 0 { count += 1 }
        }
        return count
    }

    /// The addresses of a line of proc_pid_maps(5) that maps a file's code, nil for every other mapping; only
    /// `r-xp`: a private mapping that was ever writable may hold changes that exist nowhere else.
    private static func codeMapping(_ line: ArraySlice<UInt8>) -> Range<UInt>? {
        let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 5)
        guard fields.count == 6, fields[1].elementsEqual("r-xp".utf8),
            fields[5].contains(UInt8(ascii: "/"))
        else { return nil }
        let ends = fields[0].split(separator: UInt8(ascii: "-"))
        guard ends.count == 2, let start = UInt(String(decoding: ends[0], as: UTF8.self), radix: 16),
            let end = UInt(String(decoding: ends[1], as: UTF8.self), radix: 16), start < end
        else { return nil }
        return start..<end
    }
}
