// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Glibc
import Transport

/// Runs all cases, one after the other, and prints which went otherwise than their lines say, and what they cost at most.
@LoopActor
final class HostileRun {
    private static let families = [
        "http", "tls", "ymq", "zmtp", "websocket", "capnp", "service", "storage", "container",
    ]
    /// A case may add so much to the memory of this process, the peer included.
    private static let memoryBytesMax = 100 << 20
    /// A fifth of a core for 5 seconds.
    private static let processorTimeMax = Duration.seconds(1)

    private let folder: String
    private let word: String
    private var failures: [String] = []
    private var counts: [String: Int] = [:]
    private var worstMemory = (bytes: 0, name: "")
    private var worstTime = (time: Duration.zero, name: "")

    init(folder: String, word: String) {
        self.folder = folder
        self.word = word
    }

    /// Whether every case went as its line says.
    func run() async -> Bool {
        let began = Deadline.now
        do {
            for family in Self.families {
                for given in try HostileCase.table(family, in: folder) where given.title.utf8Contains(word) {
                    try await run(given)
                }
            }
        } catch {
            failures.append("the run ended: \(error)")
        }
        for failure in failures { print("FAILED \(failure)") }
        let kinds = counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
        print(
            """
            hostile peers: \(kinds.joined(separator: ", ")); \(failures.count) otherwise than expected; most memory \
            \(worstMemory.bytes >> 20) MB (\(worstMemory.name)), most processor time \(worstTime.time) \
            (\(worstTime.name)), \(Deadline.now.duration(since: began)) in all
            """
        )
        let count = counts.values.reduce(0, +)
        if failures.isEmpty { print("\(count) hostile cases passed") }
        return failures.isEmpty && count > 0
    }

    private func run(_ given: HostileCase) async throws {
        let memory = Usage.restartPeak()
        let time = Usage.processorTime
        let outcome = try await Driver.outcome(of: given)
        let took = Usage.processorTime - time
        let grown = max(0, Usage.peakBytes - memory)
        counts["\(given.family) \(given.verdict.prefix { $0 != " " })", default: 0] += 1
        if grown > worstMemory.bytes { worstMemory = (grown, given.title) }
        if took > worstTime.time { worstTime = (took, given.title) }
        if outcome != given.verdict {
            failures.append("\(given.title): \(outcome), expected \(given.verdict)")
        }
        if grown > Self.memoryBytesMax { failures.append("\(given.title): \(grown >> 20) MB of memory") }
        if took > Self.processorTimeMax { failures.append("\(given.title): \(took) of a core") }
    }
}

/// What this process uses.
private enum Usage {
    /// The time that its threads have had a core.
    static var processorTime: Duration {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }

    /// Forgets the peak and returns the bytes that are resident now (proc(5), clear_refs).
    static func restartPeak() -> Int {
        if let file = fopen("/proc/self/clear_refs", "we") {
            fputs("5", file)
            fclose(file)
        }
        return peakBytes
    }

    /// The most that was resident since.
    static var peakBytes: Int {
        let status = (try? readFile("/proc/self/status", byteCountMax: 1 << 16)) ?? []
        for line in String(decoding: status, as: UTF8.self).split(separator: "\n")
        where line.hasPrefix("VmHWM:") {
            return line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap {
                Int($0)
            }
            .map { $0 << 10 } ?? 0
        }
        return 0
    }
}

extension HostileCase {
    /// What the case is called.
    fileprivate var title: String { "\(family)/\(section)/\(name)" }
}

extension String {
    fileprivate func utf8Contains(_ word: String) -> Bool {
        word.isEmpty || Array(utf8).firstRange(of: Array(word.utf8)) != nil
    }
}
