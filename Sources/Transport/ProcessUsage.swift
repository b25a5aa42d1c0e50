// SPDX-License-Identifier: Apache-2.0

package import EventLoop
internal import Glibc

/// What the daemon itself uses, for heartbeats and the status page.
package struct ProcessUsage: Sendable {
    /// Resident memory.
    package let residentBytes: UInt64
    /// Share of one core since the last sample, in tenths of a percent, as heartbeats carry it.
    package let cpuTenthsOfPercent: UInt16
    /// Memory that may be had, and what of it is free.
    package let memory: HostMemory
    /// What went over the host's network interfaces.
    package let traffic: NetworkTraffic
    /// CPU time since the process began.
    package let cpuSeconds: Double
    /// Deadlines and sleeps under way.
    package let timerCount: Int
    /// The longest time for which the loop was busy with one turn, since the process began.
    package let longestTurn: Duration
}

/// Samples the usage of this process; the CPU share is that between two samples.
@LoopActor
package struct ProcessUsageSampler {
    private var lastCPU: Double
    private var lastTime: Double
    private let host = HostReader()

    /// Begins the first span of CPU time.
    package init() {
        lastCPU = Self.seconds(of: CLOCK_PROCESS_CPUTIME_ID)
        lastTime = Self.seconds(of: CLOCK_MONOTONIC)
    }

    /// The usage now; the CPU share is that since the last call.
    package mutating func sample() -> ProcessUsage {
        let cpu = Self.seconds(of: CLOCK_PROCESS_CPUTIME_ID)
        let time = Self.seconds(of: CLOCK_MONOTONIC)
        let elapsed = max(time - lastTime, 0.001)
        let share = (cpu - lastCPU) / elapsed * 1000
        lastCPU = cpu
        lastTime = time
        let page = UInt64(sysconf(Int32(_SC_PAGESIZE)))
        return ProcessUsage(
            residentBytes: Self.residentPages() * page,
            cpuTenthsOfPercent: UInt16(min(max(share, 0), 65_535)),
            memory: host.memory,
            traffic: host.traffic,
            cpuSeconds: cpu,
            timerCount: EventLoop.armedTimerCount,
            longestTurn: EventLoop.longestTurn
        )
    }

    /// Second field of `/proc/self/statm`.
    private nonisolated static func residentPages() -> UInt64 {
        guard let bytes = try? readFile("/proc/self/statm", byteCountMax: 128) else { return 0 }
        let fields = bytes.split(separator: UInt8(ascii: " "))
        return fields.count > 1 ? UInt64(String(decoding: fields[1], as: UTF8.self)) ?? 0 : 0
    }

    private nonisolated static func seconds(of clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
