// SPDX-License-Identifier: Apache-2.0

import EventLoop
import JSON
import TaskPayload
import Testing

@testable import SimulatedWorld

private func job(_ number: UInt64, milliseconds: UInt64 = 2000, filling: Int = 10) -> SimulatedJob {
    SimulatedJob(number: number, milliseconds: milliseconds, fillingByteCount: filling)
}

/// Time is virtual, and the process's one loop can have but one: so each of these runs in a process of its own.
@Suite(.timeLimit(.minutes(2))) struct SimulatedCloudTests {
    @Test func `a retry token makes one instance, and another body is refused`() async {
        await #expect(processExitsWith: .success) {
            CloudBench.run { bench in
                bench.book.submitted(job(1))
                let first = bench.create(job(1), token: "t")
                precondition(first.status == 200 && first.text("lifecycleState") == "CREATING")
                let second = bench.create(job(1), token: "t")
                precondition(second.text("id") == first.text("id"))
                let third = bench.create(job(2), token: "t")
                precondition(third.status == 409 && third.text("code") == "InvalidatedRetryToken")
                precondition(bench.cloud.compute.createdCount == 1)
                try await sleep(for: .seconds(25 * 3600))
            }
        }
    }

    @Test func `an instance lives, stores its result, and is deleted without a trace`() async {
        await #expect(processExitsWith: .success) {
            CloudBench.run { bench in
                for job in [job(1), job(2, filling: 100_000)] {
                    bench.book.submitted(job)
                    let id = bench.create(job).text("id") ?? ""
                    precondition(bench.delete(id) == 409)
                    try await bench.wait(for: .active, of: id)
                    try await bench.wait(for: .updating, of: id)
                    let stored = bench.cloud.bucket[bench.resultName(job)] ?? []
                    guard case .result(_, _, let range) = try TaskOutcome.parse(stored) else {
                        preconditionFailure("no result")
                    }
                    precondition(Array(stored[range]) == job.result)
                    bench.book.replied(job.number, .success(job.result), expected: job)
                    try await bench.wait(for: .inactive, of: id)
                    precondition(!bench.cloud.isAtRest)
                    precondition(bench.delete(id) == 202 && bench.delete(id) == 409)
                    try await bench.wait(for: .deleted, of: id)
                    precondition(bench.delete(id) == 404)
                    try await sleep(for: .seconds(301))
                    precondition(bench.state(id) == nil)
                    precondition(bench.create(job).status == 409)
                    precondition(bench.ask("DELETE", bench.objectPath(bench.resultName(job))).status == 204)
                }
                bench.cloud.judgeAtRest()
            }
        }
    }

    @Test func `a large payload is an object`() async {
        await #expect(processExitsWith: .success) {
            CloudBench.run { bench in
                let job = job(1)
                bench.book.submitted(job)
                // A member of noise after the payload's own would be damage; zeros are what gzip allows to follow.
                let payload = CloudBench.payload(of: job) + [UInt8](repeating: 0, count: 40_000)
                let id = bench.create(job, payload: payload).text("id") ?? ""
                try await bench.wait(for: .inactive, of: id)
                precondition(bench.cloud.bucket.ownNames.count == 2)
                let names = bench.cloud.bucket.ownNames.map { JSON.strings([("objectName", $0)]) }
                let path = "/n/simulated/b/scaler/actions/batchDeleteObjects"
                let body = JSON.object(present: [
                    (
                        "objects",
                        .array(names + [.strings([("objectName", "\(bench.settings.objectPrefix)/x")])])
                    )
                ])
                let answer = bench.ask("POST", path, body: body.encoded())
                precondition(answer.texts("objectName", in: "failed") == ["\(bench.settings.objectPrefix)/x"])
                precondition(bench.delete(id) == 202)
                bench.cloud.judgeAtRest()
            }
        }
    }

    @Test func `a container fails as the faults say, and its run is booked once`() async {
        await #expect(processExitsWith: .success) {
            CloudBench.run(faults: [.taskRaises: 1]) { bench in
                let job = job(1)
                bench.book.submitted(job)
                let id = bench.create(job).text("id") ?? ""
                try await bench.wait(for: .inactive, of: id)
                let stored = bench.cloud.bucket[bench.resultName(job)] ?? []
                guard case .exception = try TaskOutcome.parse(stored) else {
                    preconditionFailure("no exception")
                }
                bench.book.replied(1, .failure([]), expected: job)
            }
        }
        await #expect(processExitsWith: .success) {
            CloudBench.run(faults: [.containerCrashes: 0.5, .garbageStored: 1], concurrency: 40) { bench in
                for number in 1...40 as ClosedRange<UInt64> {
                    bench.book.submitted(job(number))
                    _ = bench.create(job(number))
                }
                try await sleep(for: .seconds(60))
                var accountCount = 0
                for number in 1...40 as ClosedRange<UInt64> {
                    bench.book.replied(number, .failure([]), expected: job(number))
                    guard let stored = bench.cloud.bucket[bench.resultName(job(number))] else { continue }
                    guard let outcome = try? TaskOutcome.parse(stored) else { continue }
                    guard case .containerError(let account) = outcome else {
                        preconditionFailure("an outcome")
                    }
                    precondition(account.saysProcessDied)
                    accountCount += 1
                }
                precondition((2..<20).contains(accountCount), "\(accountCount)")
            }
        }
    }

    @Test func `a container that hangs ends with its instance, and a late result shows late`() async {
        await #expect(processExitsWith: .success) {
            CloudBench.run(faults: [.containerHangs: 1]) { bench in
                bench.book.submitted(job(1))
                let id = bench.create(job(1)).text("id") ?? ""
                try await sleep(for: .seconds(3600))
                precondition(bench.state(id) == "ACTIVE")
                bench.book.replied(1, .failure([]), expected: job(1))
                precondition(bench.delete(id) == 202)
                try await sleep(for: .seconds(60))
                bench.cloud.judgeAtRest()
            }
        }
        await #expect(processExitsWith: .success) {
            CloudBench.run(faults: [.storedLate: 1]) { bench in
                let job = job(1)
                bench.book.submitted(job)
                let id = bench.create(job).text("id") ?? ""
                try await bench.wait(for: .updating, of: id)
                precondition(bench.cloud.bucket.ownNames.isEmpty)
                try await sleep(for: .seconds(30))
                precondition(bench.cloud.bucket.ownNames == [bench.resultName(job)])
                bench.book.replied(1, .success(job.result), expected: job)
            }
        }
    }

    @Test func `a listing shows the newest first, page by page, and strangers among them`() async {
        await #expect(processExitsWith: .success) {
            CloudBench.run(pageSize: 4) { bench in
                for number in 1...5 as ClosedRange<UInt64> {
                    bench.book.submitted(job(number))
                    _ = bench.create(job(number))
                }
                var (found, page): ([String], String?) = ([], "")
                while let next = page {
                    var query = ["compartmentId": bench.settings.compartmentID, "limit": "1000"]
                    if !next.isEmpty { query["page"] = next }
                    let answer = bench.ask("GET", CloudBench.instancesPath, query)
                    precondition(answer.texts("id").count <= 4)
                    found += answer.texts("id")
                    page = answer.fields.first { $0.name == "opc-next-page" }?.value
                }
                precondition(found.count == 11 && Set(found).count == 11, "\(found)")
                precondition(
                    found.prefix(5).map { $0.dropLast(2).last } == ["5", "4", "3", "2", "1"],
                    "\(found)"
                )
            }
        }
    }

    @Test func `a stale listing shows the past and then the present`() async {
        await #expect(processExitsWith: .success) {
            CloudBench.run(faults: [.staleListing: 1]) { bench in
                let query = ["compartmentId": bench.settings.compartmentID, "limit": "1000"]
                bench.book.submitted(job(1))
                let id = bench.create(job(1)).text("id") ?? ""
                precondition(!bench.ask("GET", CloudBench.instancesPath, query).texts("id").contains(id))
                try await sleep(for: .seconds(90))
                precondition(bench.ask("GET", CloudBench.instancesPath, query).texts("id").contains(id))
            }
        }
    }

    @Test func `the lists of single states may show a change late, in both of them or in neither`() async {
        await #expect(processExitsWith: .success) {
            CloudBench.run(faults: [.staleListing: 1], concurrency: 30) { bench in
                let states = ["CREATING", "ACTIVE", "UPDATING", "INACTIVE", "FAILED", "DELETING"]
                let counts = { (id: String) in
                    states.count { state in
                        let query = [
                            "compartmentId": bench.settings.compartmentID, "limit": "1000",
                            "lifecycleState": state,
                        ]
                        return bench.ask("GET", CloudBench.instancesPath, query).texts("id").contains(id)
                    }
                }
                var ids: [String] = []
                for number in 1...30 as ClosedRange<UInt64> {
                    bench.book.submitted(job(number))
                    ids.append(bench.create(job(number)).text("id") ?? "")
                }
                var seen: Set<Int> = []
                for _ in 0..<60 {
                    try await sleep(for: .seconds(1))
                    seen.formUnion(ids.map(counts))
                }
                precondition(seen == [0, 1, 2], "\(seen)")
                try await sleep(for: .seconds(90))
                precondition(ids.allSatisfy { counts($0) == 1 })
            }
        }
    }

    @Test func `there is no room where the cloud is full`() async {
        await #expect(processExitsWith: .success) {
            CloudBench.run { bench in
                let domain = bench.settings.availabilityDomains[0]
                bench.cloud.compute.freePlaces[domain] = 1
                bench.book.submitted(job(1))
                bench.book.submitted(job(2))
                let id = bench.create(job(1)).text("id") ?? ""
                precondition(bench.create(job(2)).status == 500)
                try await bench.wait(for: .inactive, of: id)
                precondition(bench.delete(id) == 202)
                bench.cloud.compute.serviceLimit = 6
                precondition(bench.create(job(2)).text("code") == "LimitExceeded")
                bench.cloud.compute.serviceLimit = nil
                precondition(bench.create(job(2)).status == 200)
            }
        }
        await #expect(processExitsWith: .success) {
            CloudBench.run(faults: [.lateNoCapacity: 1]) { bench in
                bench.book.submitted(job(1))
                let id = bench.create(job(1)).text("id") ?? ""
                try await bench.wait(for: .failed, of: id)
                let request = id.split(separator: ".").dropFirst(2).joined(separator: ".")
                let errors = bench.ask("GET", "/20210415/workRequests/ocid1.workrequest.\(request)/errors")
                precondition(errors.texts("message").count == 1)
            }
        }
    }

    @Test func `objects are listed in order and from a name on`() async {
        await #expect(processExitsWith: .success) {
            CloudBench.run(pageSize: 2) { bench in
                let prefix = bench.settings.objectPrefix
                for name in ["c", "a", "b"] {
                    precondition(
                        bench.ask("PUT", bench.objectPath("\(prefix)/results/\(name)")).status == 200
                    )
                }
                var query = ["prefix": "\(prefix)/results/", "limit": "1000", "fields": "name"]
                let first = bench.ask("GET", bench.objectsPath, query)
                precondition(
                    first.texts("name", in: "objects") == ["\(prefix)/results/a", "\(prefix)/results/b"]
                )
                query["start"] = first.text("nextStartWith")
                let second = bench.ask("GET", bench.objectsPath, query)
                precondition(second.texts("name", in: "objects") == ["\(prefix)/results/c"])
                precondition(second.text("nextStartWith") == nil)
                precondition(
                    bench.ask("GET", bench.objectPath("\(prefix)/none")).text("code") == "ObjectNotFound"
                )
            }
        }
    }

    @Test func `a create that outlives its process is not the next one's fault`() async {
        await #expect(processExitsWith: .success) {
            CloudBench.run(concurrency: 1) { bench in
                bench.book.submitted(job(1))
                bench.book.submitted(job(2))
                _ = bench.create(job(1))
                bench.cloud.processStarted()
                _ = bench.create(job(2))
            }
        }
        await #expect(processExitsWith: .exitCode(CloudBench.violated)) {
            CloudBench.run(concurrency: 1) { bench in
                bench.book.submitted(job(1))
                bench.book.submitted(job(2))
                _ = bench.create(job(1))
                bench.cloud.processStarted()
                let query = ["compartmentId": bench.settings.compartmentID, "limit": "1000"]
                _ = bench.ask("GET", CloudBench.instancesPath, query)
                _ = bench.create(job(2))
            }
        }
    }
}
