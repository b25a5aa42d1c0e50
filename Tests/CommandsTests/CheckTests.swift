// SPDX-License-Identifier: Apache-2.0

import Configuration
import EventLoop
import TestSupport
import Testing

@testable import Commands

@Suite struct CheckTests {
    @LoopActor
    private func run(_ checks: [Check]) async throws -> [String] {
        let arguments = [
            "--compartment-id", "c", "--availability-domain", "AD-1", "--subnet-id", "s", "--container-image",
            "i", "--object-storage-namespace", "n", "--object-storage-bucket", "b",
        ]
        let order = try CheckOrder(CommandInput(.check, arguments, environment: [:]))
        var lines = ""
        let console = Console(
            isTerminal: false,
            write: { text, stream in if stream == .output { lines += text } },
            readAnswer: { nil }
        )
        let run = CheckRun(order, console)
        try await run.perform(checks, .storage)
        #expect(run.report.results.count { $0.phase != .storage } == 0)
        return lines.split(separator: "\n").map(String.init)
    }

    private static func check(_ name: String, _ outcome: CheckOutcome, needs: Check.Need...) -> Check {
        switch needs.count {
        case 0: Check(name) { outcome }
        case 1: Check(name, needs: needs[0]) { outcome }
        default: Check(name, needs: needs[0], needs[1]) { outcome }
        }
    }

    private static let broken = Diagnostic("it is broken", why: "somebody dropped it", remedy: "glue it")

    @Test func `a check is left out for want of the first thing that it needs`() async throws {
        try await onLoop {
            let server = Check.Need(check: "server", reason: "needs the server")
            let client = Check.Need(check: "client", reason: "needs the client")
            let unlisted = Check.Need(check: "server", reason: nil)
            let table = { (outcome: CheckOutcome) in
                [
                    Self.check("server", outcome), Self.check("client", .passed("here"), needs: unlisted),
                    Self.check("task", .passed("done"), needs: server, client),
                ]
            }
            let good = try await run(table(.passed("answers")))
            #expect(
                good == [
                    "ok    server                answers", "ok    client                here",
                    "ok    task                  done",
                ]
            )
            let bad = try await run(table(.failed(Self.broken)))
            #expect(
                bad == [
                    "FAIL  server                it is broken", "      why:    somebody dropped it",
                    "      remedy: glue it", "skip  task                  needs the server",
                ]
            )
        }
    }

    @Test func `a check that lacks a setting is skipped and says which`() async throws {
        try await onLoop {
            var settings = Settings(schedulerAddress: .tcp(host: "h", port: 1))
            settings.origins["subnet-id"] = .flag("--subnet-id")
            let check = Self.check("subnet", .passed("there"))
            let given = try await run([check.given("subnet-id", in: settings)])
            #expect(given == ["ok    subnet                there"])
            let lacking = try await run([
                check.given("subnet-id", "compartment-id", "container-image", in: settings)
            ])
            #expect(lacking == ["skip  subnet                give --compartment-id, --container-image"])
        }
    }

    @Test func `what works with a warning is no ground to build upon, and a cancelled check ends all`()
        async throws
    {
        try await onLoop {
            let clock = Check.Need(check: "clock", reason: "needs the clock")
            let warned = try await run([
                Self.check("clock", .warned(Self.broken)),
                Self.check("time", .passed("late"), needs: clock),
            ])
            #expect(warned.first == "warn  clock                 it is broken")
            #expect(warned.last == "skip  time                  needs the clock")
            let cancelled = Check("a") { () throws(CommandError) -> CheckOutcome in throw .cancelled }
            await #expect(throws: CommandError.self) {
                try await run([cancelled])
            }
        }
    }
}
