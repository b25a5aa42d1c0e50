// SPDX-License-Identifier: Apache-2.0

import EventLoop
import JSON
import Testing

@testable import SimulatedWorld

private func job(_ number: UInt64) -> SimulatedJob {
    SimulatedJob(number: number, milliseconds: 1000, fillingByteCount: 1)
}

/// What the judges of the cloud must see; the name of the judge is the first word that the process leaves behind.
@Suite(.timeLimit(.minutes(2))) struct CloudJudgeTests {
    private func violation(_ result: ExitTest.Result?) -> String {
        String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    }

    @Test func `a stranger's instance is never deleted`() async {
        let result = await #expect(
            processExitsWith: .exitCode(CloudBench.violated),
            observing: [\.standardErrorContent]
        ) {
            CloudBench.run { bench in
                _ = bench.delete("ocid1.computecontainerinstance.oc1.iad.stranger0")
            }
        }
        #expect(violation(result).contains("strangers: "))
    }

    @Test func `a stranger's object is never touched`() async {
        let result = await #expect(
            processExitsWith: .exitCode(CloudBench.violated),
            observing: [\.standardErrorContent]
        ) {
            CloudBench.run { bench in
                let body = JSON.object(present: [
                    ("objects", .array([.strings([("objectName", "\(bench.settings.objectPrefix).pkl")])]))
                ])
                _ = bench.ask(
                    "POST",
                    "/n/simulated/b/scaler/actions/batchDeleteObjects",
                    body: body.encoded()
                )
            }
        }
        #expect(violation(result).contains("strangers: "))
    }

    @Test func `a damaged payload is seen when its instance is made`() async {
        let result = await #expect(
            processExitsWith: .exitCode(CloudBench.violated),
            observing: [\.standardErrorContent]
        ) {
            CloudBench.run { bench in
                var payload = CloudBench.payload(of: job(1))
                payload[payload.count / 2] ^= 1
                _ = bench.create(job(1), payload: payload)
            }
        }
        #expect(violation(result).contains("payload: "))
    }

    @Test func `one instance too many is seen`() async {
        let result = await #expect(
            processExitsWith: .exitCode(CloudBench.violated),
            observing: [\.standardErrorContent]
        ) {
            CloudBench.run(concurrency: 2) { bench in
                for number in 1...3 as ClosedRange<UInt64> { _ = bench.create(job(number)) }
            }
        }
        #expect(violation(result).contains("concurrency: "))
    }

    @Test func `what is left at rest is seen`() async {
        let result = await #expect(
            processExitsWith: .exitCode(CloudBench.violated),
            observing: [\.standardErrorContent]
        ) {
            CloudBench.run { bench in
                _ = bench.ask("PUT", bench.objectPath("\(bench.settings.objectPrefix)/inputs/x.pkl"))
                bench.cloud.judgeAtRest()
            }
        }
        #expect(violation(result).contains("rest: "))
    }

    @Test(arguments: ["another task's", "another than before", "guessable"])
    func `a prefix that is not a task's own secret is seen`(_ kind: String) async {
        let result = await #expect(
            processExitsWith: .exitCode(CloudBench.violated),
            observing: [\.standardErrorContent]
        ) { [kind] in
            CloudBench.run { bench in
                let (bucket, folder) = (bench.cloud.bucket, bench.settings.objectPrefix)
                let secrets = ["a", "b"].map { "\(folder)/results/\(String(repeating: $0, count: 32))" }
                bucket.tell(secrets[0], to: "01")
                bucket.tell(secrets[0], to: "01")
                switch kind {
                case "another task's": bucket.tell(secrets[0], to: "02")
                case "another than before": bucket.tell(secrets[1], to: "01")
                default: bucket.tell(folder, to: "02")
                }
            }
        }
        #expect(violation(result).contains("secrecy: "))
    }

    @Test func `a container that hits the name of another task's object is seen`() async {
        let result = await #expect(
            processExitsWith: .exitCode(CloudBench.violated),
            observing: [\.standardErrorContent]
        ) {
            CloudBench.run { bench in
                let folder = bench.settings.objectPrefix
                bench.cloud.bucket.forge([1], of: "01", with: "\(folder)/results/x")
                bench.cloud.bucket.put("\(folder)/inputs/02.pkl.gz", [1])
                bench.cloud.bucket.forge([1], of: "02", with: "\(folder)/results/x")
            }
        }
        #expect(violation(result).contains("secrecy: "))
    }

    @Test func `a run that nobody asked for is seen`() async {
        let result = await #expect(
            processExitsWith: .exitCode(CloudBench.violated),
            observing: [\.standardErrorContent]
        ) {
            CloudBench.run { bench in
                _ = bench.create(job(1))
                try await sleep(for: .seconds(60))
            }
        }
        #expect(violation(result).contains("runs: "))
    }

    @Test func `requests above the budget are seen`() async {
        let result = await #expect(
            processExitsWith: .exitCode(CloudBench.violated),
            observing: [\.standardErrorContent]
        ) {
            CloudBench.run { bench in
                let budget = RequestBudget(bench.simulation, rate: 10, name: "compute")
                for number in 0..<30 as Range<UInt64> {
                    budget.count(request(number))
                    try await sleep(for: .milliseconds(20))
                }
            }
        }
        #expect(violation(result).contains("budget: "))
    }

    @Test func `whoever does not slow down although everything is refused is seen`() async {
        let result = await #expect(
            processExitsWith: .exitCode(CloudBench.violated),
            observing: [\.standardErrorContent]
        ) {
            CloudBench.run { bench in
                let budget = RequestBudget(bench.simulation, rate: 10, name: "compute")
                // For the first minute only the sum counts.
                for number in 0..<600 as Range<UInt64> {
                    budget.count(request(number))
                    budget.answered(request(number), isThrottled: true)
                    try await sleep(for: .milliseconds(125))
                }
            }
        }
        #expect(violation(result).contains("refused again and again"))
    }

    @Test func `whoever repeats at once what was lost on new connections is seen`() async {
        let result = await #expect(
            processExitsWith: .exitCode(CloudBench.violated),
            observing: [\.standardErrorContent]
        ) {
            CloudBench.run { bench in
                var repeats = PromptRepeats()
                for number in 0..<100 as Range<UInt64> {
                    repeats.arrived(request(number), bench.simulation)
                    repeats.lost(request(number))
                    try await sleep(for: .milliseconds(50))
                    repeats.arrived(request(number), bench.simulation)
                }
            }
        }
        #expect(violation(result).contains("made again at once"))
    }
}

private func request(_ number: UInt64) -> SimulatedRequest {
    SimulatedRequest(
        method: "GET",
        path: "/",
        query: [:],
        fields: ["opc-request-id": "\(number)"],
        body: [],
        number: number
    )
}
