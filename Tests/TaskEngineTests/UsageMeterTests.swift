// SPDX-License-Identifier: Apache-2.0

import TaskEngine
import Testing

@Suite struct UsageMeterTests {
    private func instance(
        _ id: String,
        _ created: Duration,
        ocpus: Double = 2,
        shape: String = "E4"
    ) -> ListedInstance {
        ListedInstance(
            id: id,
            task: TaskKey("01"),
            phase: .running,
            state: "ACTIVE",
            createdAt: created,
            form: InstanceForm(shape: shape, ocpus: ocpus, memoryGB: 10)
        )
    }

    @Test func `an instance takes what it has for as long as it is there, and the bill adds up to a minute`()
    {
        var meter = UsageMeter()
        meter.began(instance("a", .seconds(10)), at: .seconds(11))
        #expect(meter.readings(at: .seconds(20)).map(\.taken.ocpuSeconds) == [20])
        meter.ended("a", at: .seconds(30))
        meter.ended("a", at: .seconds(300))
        let reading = meter.readings(at: .seconds(400))[0]
        #expect(reading.taken.ocpuSeconds == 40 && reading.taken.memoryGBSeconds == 200)
        #expect(reading.minimum.ocpuSeconds == 80 && reading.minimum.memoryGBSeconds == 400)
    }

    @Test func `one that lasts a minute or more costs no more than that`() {
        var meter = UsageMeter()
        meter.began(instance("a", .zero), at: .zero)
        meter.ended("a", at: .seconds(90))
        let reading = meter.readings(at: .seconds(90))[0]
        #expect(reading.taken.ocpuSeconds == 180 && reading.minimum == CloudUsage())
    }

    @Test func `what an earlier process made counts from the beginning of this one, and has no minimum`() {
        var meter = UsageMeter()
        meter.began(instance("a", .seconds(-1000)), at: .seconds(5))
        meter.ended("a", at: .seconds(10))
        let reading = meter.readings(at: .seconds(10))[0]
        #expect(reading.taken.ocpuSeconds == 20 && reading.minimum == CloudUsage())
    }

    @Test func `shapes are counted apart, for their prices differ`() {
        var meter = UsageMeter()
        meter.began(instance("a", .zero, shape: "E5"), at: .zero)
        meter.began(instance("b", .zero, ocpus: 1), at: .zero)
        let readings = meter.readings(at: .seconds(10))
        #expect(readings.map(\.shape) == ["E4", "E5"])
        #expect(readings.map(\.taken.ocpuSeconds) == [10, 20])
    }
}
