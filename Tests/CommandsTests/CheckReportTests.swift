// SPDX-License-Identifier: Apache-2.0

import CloudOwnership
import Configuration
import JSON
import Testing

@testable import Commands
@testable import OCIServices

private let diagnostic = Diagnostic("it is broken", why: "somebody dropped it", remedy: "glue it")

@Suite struct CheckReportTests {
    @Test func `a failure takes three lines: what, why, remedy`() {
        let result = CheckResult(name: "bucket", phase: .storage, outcome: .failed(diagnostic))
        #expect(
            CheckReport.lines(result) == [
                "FAIL  bucket                it is broken", "      why:    somebody dropped it",
                "      remedy: glue it",
            ]
        )
    }

    @Test func `a warning fails nothing, a failure everything`() {
        var report = CheckReport()
        report.add(CheckResult(name: "a", phase: .storage, outcome: .passed("fine")))
        report.add(CheckResult(name: "b", phase: .storage, outcome: .warned(diagnostic)))
        report.add(CheckResult(name: "c", phase: .scheduler, outcome: .skipped("not asked for")))
        #expect(report.isPassed)
        #expect(report.summary == "1 passed, 1 warned, 1 skipped")
        report.add(CheckResult(name: "d", phase: .lifecycle, outcome: .failed(diagnostic)))
        #expect(!report.isPassed)
        #expect(report.summary == "1 passed, 1 warned, 1 failed, 1 skipped")
    }

    @Test func `programs read the same in JSON`() throws {
        var report = CheckReport()
        report.add(CheckResult(name: "d", phase: .lifecycle, outcome: .failed(diagnostic)))
        let object = try JSONObject(report.json)
        #expect(object["ok"] == .bool(false))
        let check = try #require(try object.objects("checks").first)
        #expect(try check.string("phase") == "lifecycle")
        #expect(try check.string("why") == "somebody dropped it")
    }
}

@Suite struct BucketLifecycleTests {
    private func verdict(_ rules: [LifecycleRule], jobTimeout: Duration = .seconds(3600)) -> CheckOutcome {
        var settings = Settings(schedulerAddress: .tcp(host: "h", port: 1))
        settings.jobTimeout = jobTimeout
        return BucketLifecycle.judge(rules, settings)
    }

    private func rule(_ days: Int, _ prefix: String = "scaler-tasks/") -> LifecycleRule {
        LifecycleRule(name: "r", deletesAfterDays: days, prefix: prefix)
    }

    private func isFitting(_ verdict: CheckOutcome) -> Bool {
        if case .passed = verdict { true } else { false }
    }

    private func isFailing(_ verdict: CheckOutcome) -> Bool {
        if case .failed = verdict { true } else { false }
    }

    @Test func `a rule must outlive the longest task, to the second`() {
        #expect(isFitting(verdict([rule(7)])))
        #expect(isFitting(verdict([rule(1)], jobTimeout: .seconds(86_400))))
        #expect(isFailing(verdict([rule(1)], jobTimeout: .seconds(86_401))))
        #expect(isFailing(verdict([rule(0)])))
        #expect(isFailing(verdict([rule(30), rule(1)], jobTimeout: .seconds(90_000))))
    }

    @Test func `only rules that may reach the task objects count`() {
        #expect(isFitting(verdict([rule(7), rule(0, "else/")])))
        #expect(isFailing(verdict([rule(0, "scaler")])))
        #expect(isFailing(verdict([rule(0, "scaler-tasks/owner/")])))
        var everything = rule(0)
        everything.prefixes = []
        #expect(isFailing(verdict([everything])))
        everything.isEnabled = false
        #expect(!isFailing(verdict([everything])))
        var uploads = rule(0)
        uploads.target = "multipart-uploads"
        uploads.action = "ABORT"
        #expect(!isFailing(verdict([uploads])))
        var archive = rule(0)
        archive.action = "ARCHIVE"
        #expect(isFailing(verdict([archive])))
    }

    @Test func `no rule at all is worth a warning`() {
        guard case .warned(let diagnostic) = verdict([]) else {
            Issue.record("no warning")
            return
        }
        #expect(diagnostic.what == "no lifecycle rule deletes old objects under scaler-tasks/")
    }
}

@Suite struct EndedContainerTests {
    private func diagnostic(_ state: LifecycleState?, _ exitCode: Int?, _ details: String = "") -> Diagnostic
    {
        var settings = Settings(schedulerAddress: .tcp(host: "h", port: 1))
        settings.containerImage = "iad.ocir.io/ns/runner:1"
        let ended = EndedInstance(id: "i", state: state?.name, details: details, exitCode: exitCode)
        return .endedContainer(ended, settings)
    }

    @Test func `each way in which a container ends has its own remedy`() {
        let table: [(Diagnostic, String)] = [
            (diagnostic(.failed, nil, "Out of host capacity."), "name more availability domains"),
            (diagnostic(.failed, nil, "Failed to pull image"), "check that image iad.ocir.io/ns/runner:1"),
            (diagnostic(.failed, nil), "subnet reaches the registry"),
            (diagnostic(.inactive, 74), "dynamic group"), (diagnostic(.inactive, 0), "dynamic group"),
            (diagnostic(.inactive, 137), "raise --instance-memory-gb"),
            (diagnostic(.inactive, 1), "build it with scaler-oci-hpc build-image"),
            (diagnostic(nil, nil), "build it with scaler-oci-hpc build-image"),
        ]
        for (diagnostic, remedy) in table { #expect(diagnostic.remedy.contains(remedy), "\(diagnostic)") }
        #expect(Set(table.map(\.0.what)).count == 5)
    }
}

@Suite struct LimitNeedTests {
    private func settings() -> Settings {
        var settings = Settings(schedulerAddress: .tcp(host: "h", port: 1))
        settings.instanceOCPUs = 2
        settings.instanceMemoryGB = 8
        settings.baseConcurrency = 10
        return settings
    }

    private func need(_ name: String) -> LimitNeed? {
        LimitNeed(ServiceLimit(name: name, isPerAvailabilityDomain: true), settings())
    }

    @Test(arguments: [
        ("container-instance-count", 1), ("standard-e4-core-count", 2), ("standard-e4-memory-count", 8),
        ("CI-E4-OCPUs", 2),
    ])
    func `what a limit counts is read from its words`(_ name: String, _ perInstance: Int) throws {
        #expect(try #require(need(name)).perInstance == perInstance)
    }

    @Test(arguments: ["standard-a1-core-count", "standard-e3-core-count", "bandwidth-gbps"])
    func `a limit of another shape, or of nobody knows what, is left alone`(_ name: String) {
        #expect(need(name) == nil)
    }

    @Test func `too little room is told with how many instances fit`() throws {
        let limit = try #require(need("standard-e4-core-count"))
        #expect(limit.diagnostic(available: 20) == nil)
        let diagnostic = try #require(limit.diagnostic(available: 7))
        #expect(diagnostic.what == "service limit standard-e4-core-count leaves room for 3 of 10 instances")
    }
}
