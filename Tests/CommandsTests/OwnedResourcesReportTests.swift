// SPDX-License-Identifier: Apache-2.0

import Configuration
import JSON
import OCIServices
import Testing

@testable import CloudOwnership
@testable import Commands
@testable import OCIServices

@Suite struct OwnedResourcesReportTests {
    private let now = Timestamp(millisecondsSinceEpoch: 1_000_000_000)

    private func report(name: String = "scaler-wm-0011", shape: String = "") throws -> OwnedResourcesReport {
        let members: [(String, JSON?)] = [
            ("id", .string("ocid1.computecontainerinstance.oc1.iad.abcdefghijklmnop")),
            ("displayName", .string(name)), ("lifecycleState", .string("ACTIVE")),
            ("shape", .string(shape)),
            ("shapeConfig", .object(present: [("ocpus", .integer(2)), ("memoryInGBs", .integer(4))])),
            ("availabilityDomain", .string("Uocm:US-ASHBURN-AD-1")),
            ("freeformTags", .strings([("scaler-owner", "o1"), ("scaler-task", "00112233445566778899")])),
        ]
        let instance = try ContainerInstance(JSONObject(.object(present: members)))
        let object = try ObjectSummary(
            JSONObject(.object(present: [("name", .string("p/o1/results/00.pkl")), ("size", .integer(7))]))
        )
        return OwnedResourcesReport(
            resources: OwnedResources(
                instances: [try #require(OwnedResources.Instance(instance))],
                objects: [try #require(OwnedResources.StoredObject(object, prefix: "p"))]
            ),
            now: now
        )
    }

    @Test func `each kind is a table with its heading`() throws {
        #expect(
            try report().lines == [
                "INSTANCE         NAME            STATE   AGE  OWNER  TASK          AD               SHAPE",
                "...efghijklmnop  scaler-wm-0011  ACTIVE  -    o1     001122334455  US-ASHBURN-AD-1  -", "",
                "OBJECT               BYTES  AGE", "p/o1/results/00.pkl  7      -",
            ]
        )
        #expect(
            OwnedResourcesReport(resources: OwnedResources(instances: [], objects: []), now: now).lines == []
        )
    }

    @Test func `what instances cost an hour is told where their prices and sizes are known`() throws {
        let rate = Prices.Rate(ocpuHour: 0.5, gbHour: 0.25)
        let prices = Prices(currency: "EUR", rates: ["CI.A": rate, "CI.B": rate])
        func line(_ shape: String, _ areOrphans: Bool) throws -> String? {
            try report(shape: shape).costLine(prices, areOrphans: areOrphans)
        }
        #expect(try line("CI.A", false) == "these instances cost 2.0000 EUR an hour")
        #expect(
            try line("CI.A", true)
                == "as long as nobody deletes them, these instances cost 2.0000 EUR an hour"
        )
        #expect(try line("CI.C", false) == "these instances cost an unknown sum an hour")
        let none = OwnedResourcesReport(resources: OwnedResources(instances: [], objects: []), now: now)
        #expect(none.costLine(prices, areOrphans: true) == nil)
    }

    @Test func `a name cannot drive the terminal`() throws {
        #expect(!(try report(name: "a\u{1B}[2J\n").lines.joined().contains("\u{1B}")))
    }

    @Test(arguments: [
        (1, 1, "1 container instance and 1 task object"), (0, 0, "0 container instances and 0 task objects"),
        (2, 0, "2 container instances and 0 task objects"),
    ])
    func `one is one and more are many`(instances: Int, objects: Int, text: String) {
        #expect(OwnedResourcesReport.count(instances, objects) == text)
    }

    @Test(arguments: [
        (-5, "0s"), (119, "119s"), (120, "2m"), (7199, "119m"), (7200, "2h"), (172_799, "47h"),
        (172_800, "2d"),
    ])
    func `an age is told in the greatest unit that says something`(seconds: Int, text: String) {
        let moment = Timestamp(millisecondsSinceEpoch: now.millisecondsSinceEpoch - seconds * 1000)
        #expect(
            OwnedResourcesReport(resources: OwnedResources(instances: [], objects: []), now: now).age(
                since: moment
            )
                == text
        )
    }
}
