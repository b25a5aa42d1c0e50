// SPDX-License-Identifier: Apache-2.0

/// How much memory this process may have, and how much of that is free (cgroups(7), proc(5)).
package struct HostMemory: Sendable, Equatable {
    /// The smallest limit of the process's control groups, or else what the machine has; in bytes.
    package let limitBytes: UInt64
    /// What can be had yet before one of these is reached, in bytes.
    package let availableBytes: UInt64

    /// A control group's limit and use; nil where there is no limit.
    package typealias Group = (limitBytes: UInt64, usedBytes: UInt64)

    /// Version 1 writes no limit as a number near this.
    private static let unlimited: UInt64 = 1 << 62

    /// Puts together what the machine (`/proc/meminfo`) and the groups with a limit tell.
    package init(meminfo: some Sequence<UInt8>, _ groups: [Group]) {
        let fields = Self.fields(of: meminfo)
        let machine = (limit: fields["MemTotal"] ?? 0, free: fields["MemAvailable"] ?? 0)
        let smallest = groups.map(\.limitBytes).min()
        limitBytes = min(smallest ?? machine.limit, machine.limit)
        let left = groups.map { $0.limitBytes - min($0.usedBytes, $0.limitBytes) }.min()
        availableBytes = min(left ?? machine.free, machine.free)
    }

    /// The directories of the groups that `/proc/self/cgroup` names, from the process's own up to the root, with the names of their
    /// files of limit and use.
    package static func places(in cgroup: some Sequence<UInt8>) -> [(limit: String, used: String)] {
        String(decoding: Array(cgroup), as: UTF8.self).split(separator: "\n").flatMap { line in
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { return [(limit: String, used: String)]() }
            let isUnified = parts[0] == "0" && parts[1].isEmpty
            guard isUnified || parts[1].split(separator: ",").contains("memory") else { return [] }
            let root = isUnified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory"
            let names =
                isUnified
                ? ("memory.max", "memory.current") : ("memory.limit_in_bytes", "memory.usage_in_bytes")
            var path = parts[2].split(separator: "/")[...]
            var places: [(limit: String, used: String)] = []
            while true {
                let directory = ([root] + path.map(String.init)).joined(separator: "/")
                places.append(("\(directory)/\(names.0)", "\(directory)/\(names.1)"))
                guard path.popLast() != nil else { return places }
            }
        }
    }

    /// What a file of limit or use holds; nil where that is no limit.
    package static func bytes(in file: some Sequence<UInt8>) -> UInt64? {
        let text = String(decoding: Array(file), as: UTF8.self).filter { !$0.isNewline }
        return UInt64(text).flatMap { $0 < unlimited ? $0 : nil }
    }

    /// The numbers of `/proc/meminfo` in bytes.
    private static func fields(of meminfo: some Sequence<UInt8>) -> [Substring: UInt64] {
        let lines = String(decoding: Array(meminfo), as: UTF8.self).split(separator: "\n")
        return lines.reduce(into: [:]) { fields, line in
            let words = line.split(separator: " ")
            guard words.count > 1, let kilobytes = UInt64(words[1]) else { return }
            fields[words[0].dropLast()] = kilobytes << 10
        }
    }
}

/// What went over the network interfaces of this host, as `/proc/net/dev` has it.
package struct NetworkTraffic: Sendable, Equatable {
    /// Bytes that came in.
    package private(set) var receivedBytes: UInt64 = 0
    /// Bytes that went out.
    package private(set) var sentBytes: UInt64 = 0

    /// Adds up all interfaces.
    package init(_ table: some Sequence<UInt8>) {
        for line in String(decoding: Array(table), as: UTF8.self).split(separator: "\n") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let numbers = line[line.index(after: colon)...].split(separator: " ").map { UInt64($0) ?? 0 }
            guard numbers.count > 8 else { continue }
            receivedBytes &+= numbers[0]
            sentBytes &+= numbers[8]
        }
    }
}

/// Reads both from the kernel; which groups have a limit is found out once.
struct HostReader {
    private let limited: [(limit: String, used: String)]

    init() {
        let places = (try? readFile("/proc/self/cgroup", byteCountMax: 65_536)).map(HostMemory.places) ?? []
        limited = places.filter { Self.number(in: $0.limit) != nil }
    }

    var memory: HostMemory {
        let groups = limited.compactMap { place -> HostMemory.Group? in
            guard let limit = Self.number(in: place.limit), let used = Self.number(in: place.used) else {
                return nil
            }
            return (limit, used)
        }
        return HostMemory(meminfo: (try? readFile("/proc/meminfo", byteCountMax: 65_536)) ?? [], groups)
    }

    var traffic: NetworkTraffic {
        NetworkTraffic((try? readFile("/proc/net/dev", byteCountMax: 1 << 20)) ?? [])
    }

    private static func number(in path: String) -> UInt64? {
        (try? readFile(path, byteCountMax: 64)).flatMap(HostMemory.bytes)
    }
}
