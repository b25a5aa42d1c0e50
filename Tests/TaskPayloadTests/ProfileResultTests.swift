// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Encodings

@Suite struct ProfileResultTests {
    @Test(arguments: PickleVector.named("profile/"))
    func `Scaler's bytes are read and written`(vector: PickleVector) throws {
        let expected = ProfileResult(
            durationSeconds: try #require(vector.fields.durationSeconds),
            memoryPeakBytes: try #require(vector.fields.memoryPeak),
            cpuSeconds: try #require(vector.fields.processorSeconds)
        )
        #expect(ProfileResult(bytes: try vector.bytes) == expected)
        #expect(try expected.bytes == vector.bytes)
    }

    @Test func `any other length is refused`() {
        for count in [0, 15, 17] { #expect(ProfileResult(bytes: [UInt8](repeating: 0, count: count)) == nil) }
    }
}
