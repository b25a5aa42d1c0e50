// SPDX-License-Identifier: Apache-2.0

internal import CSimulation
internal import EventLoop
internal import Glibc
internal import SimulatedWorld
internal import TestSupport
internal import Transport

/// The command line of a run and its report.
struct Simulate {
    private var seed: UInt64 = 1
    private var profileName = "calm"
    private var taskCount: Int?
    private var firstShown: Int?
    private var stopAt: Int?
    private var leftOut: Set<FaultID> = []
    private var only: Set<FaultID>?
    private var numbers: [(name: String, value: Double)] = []
    private var showsFaults = false
    private var showsMarks = false
    private var isMeasured = false

    init(_ words: [String]) {
        var rest = words.dropFirst()
        func value(_ name: String) -> String {
            guard let value = rest.popFirst() else { Self.leave("\(name) needs a value") }
            return value
        }
        func number(_ name: String) -> Int {
            guard let number = Int(value(name)) else { Self.leave("\(name) needs a number") }
            return number
        }
        func faults(_ name: String) -> [FaultID] {
            value(name).split(separator: ",").map { text in
                guard let fault = FaultID(String(text)) else { Self.leave("\(text) is no fault") }
                return fault
            }
        }
        func changed(_ name: String) -> [(name: String, value: Double)] {
            value(name).split(separator: ",").map { text in
                let parts = text.split(separator: "=")
                guard parts.count == 2, let value = Double(parts[1]) else {
                    Self.leave("\(text) is not NAME=NUMBER")
                }
                return (String(parts[0]), value)
            }
        }
        while let word = rest.popFirst() {
            switch word {
            case "--profiles": Self.listProfiles()
            case "--seed": seed = UInt64(number(word))
            case "--hash-seed": _ = number(word)
            case "--profile": profileName = value(word)
            case "--with": numbers += changed(word)
            case "--tasks": taskCount = number(word)
            case "--trace-from": firstShown = number(word)
            case "--until": stopAt = number(word)
            case "--without": leftOut.formUnion(faults(word))
            case "--only": only = (only ?? []).union(faults(word))
            case "--figures": isMeasured = true
            case "--marks": showsMarks = true
            case "--faults": showsFaults = true
            default: Self.leave("\(word) is no option")
            }
        }
    }

    private static func leave(_ text: String) -> Never {
        print(
            """
            Simulate: \(text); Simulate --profiles
            Simulate --seed N --profile NAME [--tasks N] [--hash-seed N] [--trace-from EVENT] [--until EVENT]
            [--figures] [--faults] [--marks] [--with NAME=NUMBER,...] [--without FAULT,FAULT] [--only FAULT,FAULT]; the last three
            may be given several times
            """
        )
        exit(64)
    }

    private static func listProfiles() -> Never {
        for profile in Profile.all { print(profile.name) }
        print("swarm")
        exit(0)
    }

    /// Runs and reports; the exit code is 0 if every judge was content.
    func run() -> Int32 {
        guard var profile = Profile.named(profileName, seed: seed) else {
            Self.leave("no profile \(profileName)")
        }
        for (name, value) in numbers where !profile.set(name, to: value) {
            Self.leave("a profile has no \(name)")
        }
        if let taskCount { profile.workload.taskCount = taskCount }
        let ending = Ending()
        let time = VirtualTime(epochSeconds: 1_800_000_000) { text in
            LoopActor.assumeIsolated { ending.fail("progress: \(text)") }
        }
        time.install()
        guard csimulation_replace_signing() else { Self.leave("signing cannot be replaced") }
        guard let key = try? RSAKey(pem: TestKey(rsaBitCount: 512).privatePEM(.pkcs8)) else {
            Self.leave("no key can be made")
        }
        let faults = Faults(seed: seed, rates: profile.rates, leftOut: leftOut, only: only)
        let (final, options) = (profile, self)
        return EventLoop.run {
            let simulation = Simulation(seed: options.seed, time: time, faults: faults) {
                ending.fail("\($0)")
            }
            ending.begin(simulation, options.title, showsFaults: options.showsFaults)
            options.prepare(simulation.record)
            let run = SimulatedRun(simulation, final, key: key)
            if options.isMeasured { print(await run.measure()) } else { await run.run() }
            ending.report("ok \(run.summary)")
            return 0
        }
    }

    private var title: String { "seed \(seed) profile \(profileName)" }

    @LoopActor private func prepare(_ record: Record) {
        if let firstShown {
            record.show = { line in
                print(line)
                // A crash would take with it what is in the buffer, the lines that tell most.
                fflush(nil)
            }
            record.firstShown = firstShown
        }
        record.countsMarks = showsMarks
        if let stopAt { record.stop = (stopAt, { simulation_stop_here() }) }
    }
}

/// The last words of a run.
@LoopActor
final class Ending {
    private var simulation: Simulation?
    private var title = ""
    private var showsFaults = false

    nonisolated init() {}

    func begin(_ simulation: Simulation, _ title: String, showsFaults: Bool) {
        self.simulation = simulation
        self.title = title
        self.showsFaults = showsFaults
    }

    func fail(_ text: String) -> Never {
        report("FAILED \(text)")
        exit(1)
    }

    func report(_ text: String) {
        guard let simulation else { return print(text) }
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        let cpu =
            Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
            + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
        for (mark, count) in simulation.record.marks.sorted(by: { $0.key < $1.key }) {
            print("mark \(count) \(mark)")
        }
        if showsFaults {
            print("faults \(simulation.faults.struck.map(\.description).joined(separator: ","))")
        }
        let (record, struckCount) = (simulation.record, simulation.faults.struck.count)
        print(
            """
            \(title) events \(record.eventCount) hash \(String(record.hash, radix: 16)) \
            simulated \(simulation.elapsed) cpu \(cpu) faults \(struckCount) memory \(usage.ru_maxrss) KB: \(text)
            """
        )
    }
}
