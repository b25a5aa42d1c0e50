// SPDX-License-Identifier: Apache-2.0

import CloudOwnership
import Configuration
import Testing

@testable import Commands

@Suite struct UsageReportTests {
    private static let hour = 3600
    private let prices = Prices(currency: "USD", rates: ["CI.A": Prices.Rate(ocpuHour: 1, gbHour: 0.1)])

    private func usage(
        _ id: String,
        _ created: Int,
        _ ended: Int?,
        shape: String = "CI.A",
        ocpus: Double? = 2,
        tags: [String: String] = [:]
    ) -> InstanceUsage {
        InstanceUsage(
            id: id,
            managerID: "wm",
            ownerID: "o1",
            shape: shape,
            ocpus: ocpus,
            memoryGB: 10,
            createdAt: created,
            endedAt: ended,
            tags: tags
        )
    }

    private func report(
        _ usages: [InstanceUsage],
        prices: Prices? = nil,
        tag: String? = nil,
        since: Int? = nil
    ) -> UsageReport {
        UsageReport(usages: usages, prices: prices, tag: tag, since: since, now: 10 * Self.hour)
    }

    @Test func `what ended and what runs is summed, and the minimum of a minute apart`() throws {
        let usages = [usage("a", 0, Self.hour), usage("b", 9 * Self.hour, nil), usage("c", 0, 6)]
        let group = try #require(report(usages, prices: prices).groups.first)
        #expect((group.endedCount, group.runningCount) == (2, 1))
        #expect(abs(group.used.ocpuHours - (4 + 2 * 6.0 / 3600)) < 1e-9)
        #expect(abs(group.minimum.ocpuHours - 2 * 54.0 / 3600) < 1e-9)
        #expect(abs(group.minimum.gbHours - 10 * 54.0 / 3600) < 1e-9)
        #expect(abs((group.cost ?? 0) - 3 * (2 + 1.0 / 60)) < 1e-9)
    }

    @Test func `only what was since then counts`() throws {
        let usages = [
            usage("a", 0, 2 * Self.hour), usage("b", 0, Self.hour - 61),
            usage("c", Self.hour - 30, Self.hour - 20),
        ]
        let group = try #require(report(usages, since: Self.hour).groups.first)
        #expect(group.endedCount == 2)
        #expect(abs(group.used.ocpuHours - 2) < 1e-9)
        // What c is billed for reaches half a minute beyond.
        #expect(abs(group.minimum.ocpuHours - 2 * 30.0 / 3600) < 1e-9)
    }

    @Test func `sums are made by a tag, and those without it come last`() {
        let usages = [
            usage("a", 0, 60), usage("b", 0, 60, tags: ["team": "z"]), usage("c", 0, 60, tags: ["team": "b"]),
        ]
        #expect(report(usages, tag: "team").groups.map(\.name) == ["b", "z", UsageReport.noValue])
        #expect(report(usages, tag: "scaler-worker-manager").groups.map(\.name) == ["wm"])
        #expect(report(usages, tag: "scaler-owner").groups.map(\.name) == ["o1"])
    }

    @Test func `no price is guessed`() {
        let lines = report([usage("a", 0, 60)]).lines
        #expect(lines[0] == "TAG  ENDED  RUNNING  OCPU-HOURS  GB-HOURS  MINIMUM OCPU-HOURS  MINIMUM GB-HOURS")
        #expect(lines[1] == "all  1      0        0.0333      0.1667    0.0000              0.0000")
        #expect(lines.contains { $0.hasPrefix("No prices are set: write [prices]") })
        let other = report([usage("a", 0, 60), usage("b", 0, 60, shape: "CI.B")], prices: prices)
        #expect(other.groups.first?.cost == nil)
        #expect(other.lines.contains("[prices] has no price of CI.B."))
        #expect(other.lines[1].hasSuffix("unknown"))
        #expect(report([usage("a", 0, 60)], prices: prices).lines[1].hasSuffix("0.0500"))
    }

    @Test func `an unknown size is said`() {
        #expect(report([usage("a", 0, 60, ocpus: nil)], prices: prices).unsizedCount == 1)
        #expect(report([]).lines == ["no instance is remembered or runs"])
    }

    @Test func `each instance counts once`() {
        #expect(
            UsageReport.distinct([usage("a", 0, 60), usage("a", 0, 99), usage("b", 0, 1)]).map(\.endedAt) == [
                60, 1,
            ]
        )
    }

    @Test func `a name cannot drive the terminal`() {
        let lines = report([usage("a", 0, 60, tags: ["t": "\u{1B}[2J"])], tag: "t").lines
        #expect(!lines.joined().contains("\u{1B}"))
    }

    @Test(
        arguments: [
            ("7d", 1_000_000 - 7 * 86_400), ("12h", 1_000_000 - 43_200), ("5m", 999_700),
            ("1970-01-02", 86_400),
            ("1970-01-01T00:01:40Z", 100), ("soon", nil), ("-1h", nil), ("", nil), ("9999999999999d", nil),
        ] as [(String, Int?)]
    )
    func `a time is so long ago, a date, or a date with a time`(text: String, moment: Int?) {
        #expect(CostCommand.moment(text, now: 1_000_000) == moment)
    }
}
