// SPDX-License-Identifier: Apache-2.0

import Testing
import Transport

@Suite struct HostMemoryTests {
    private static let meminfo = Array("MemTotal:  1000 kB\nMemFree:  10 kB\nMemAvailable:    600 kB\n".utf8)

    private func memory(_ groups: [HostMemory.Group]) -> [UInt64] {
        let memory = HostMemory(meminfo: Self.meminfo, groups)
        return [memory.limitBytes, memory.availableBytes]
    }

    @Test func `without a limit it is the machine's memory`() { #expect(memory([]) == [1_024_000, 614_400]) }

    @Test func `of several groups the smallest limit counts, and the one that is reached first`() {
        #expect(memory([(500_000, 100_000), (800_000, 700_000)]) == [500_000, 100_000])
        #expect(memory([(500_000, 600_000)]) == [500_000, 0])
        // A limit above what the machine has, or may give, is none.
        #expect(memory([(9_000_000, 0)]) == [1_024_000, 614_400])
    }

    @Test func `the groups are those of the process and all above it, of either version`() {
        let unified = HostMemory.places(in: Array("0::/system.slice/a.service\n".utf8))
        #expect(
            unified.map(\.limit) == [
                "/sys/fs/cgroup/system.slice/a.service/memory.max", "/sys/fs/cgroup/system.slice/memory.max",
                "/sys/fs/cgroup/memory.max",
            ]
        )
        #expect(unified.last?.used == "/sys/fs/cgroup/memory.current")
        let first = HostMemory.places(in: Array("5:cpu,cpuacct:/x\n4:memory:/docker/ab\nnonsense\n".utf8))
        #expect(first.map(\.limit).first == "/sys/fs/cgroup/memory/docker/ab/memory.limit_in_bytes")
        #expect(first.count == 3 && first.last?.used == "/sys/fs/cgroup/memory/memory.usage_in_bytes")
    }

    @Test(arguments: [
        ("max\n", nil), ("9223372036854771712\n", nil), ("", nil), ("1048576\n", 1_048_576 as UInt64?),
    ])
    func `a group without a limit says so in its own way`(text: String, bytes: UInt64?) {
        #expect(HostMemory.bytes(in: Array(text.utf8)) == bytes)
    }

    @Test func `what went over the network is that of all interfaces`() {
        let table = """
            Inter-|   Receive                                                |  Transmit
             face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs
                lo:     100       1    0    0    0     0          0         0     100       1    0
              eth0: 5000000      10    0    0    0     0          0         0      70       2    0
            """
        let traffic = NetworkTraffic(Array(table.utf8))
        #expect(traffic.receivedBytes == 5_000_100 && traffic.sentBytes == 170)
    }
}
