// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Transport

@Suite struct WaitingLineTests {
    private static func step(_ holder: Int, disk: Bool = false) -> WaitingStep {
        let need = disk ? Resources(diskBytes: 1) : Resources(memoryBytes: 1)
        return WaitingStep(holder: holder, need: need, claim: need, isRefusedByHost: false)
    }

    private static func order(of line: WaitingLine) -> [Int] {
        var line = line
        var holders: [Int] = []
        while let first = line.first(where: { _, _ in true }).0 {
            holders.append(first.holder)
            line.remove(first.holder)
        }
        return holders
    }

    @Test func `whoever leaves leaves the others in their order, and a place may be taken anew`() {
        var line = WaitingLine()
        for holder in 0..<200 { line.insert(Self.step(holder)) }
        for holder in 0..<200 where holder % 5 != 0 { line.remove(holder) }
        let place = line.vacate(100)
        line.insert(Self.step(1000), at: place)
        line.insert(Self.step(2000))
        let rest = (0..<40).map { $0 == 20 ? 1000 : $0 * 5 }
        #expect(Self.order(of: line) == rest + [2000])
        #expect(line.vacate(100) == nil)
        #expect(line.count == 41)
    }

    @Test func `nobody is looked at behind those who claim all that is needed`() {
        var line = WaitingLine()
        for holder in 0..<50 { line.insert(Self.step(holder)) }
        #expect(line.first { _, _ in false }.lookCount == 1)
        // What one needs that nobody before it claims may be there.
        line.insert(Self.step(50, disk: true))
        let (found, lookCount) = line.first { step, claimed in !step.need.overlaps(claimed) && step.holder > 0
        }
        #expect(found?.holder == 50)
        #expect(lookCount == 51)
        line.remove(50)
        #expect(line.first { _, _ in false }.lookCount == 1)
    }
}
