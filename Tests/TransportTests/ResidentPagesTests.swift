// SPDX-License-Identifier: Apache-2.0
import Testing
import Transport

@Suite struct ResidentPagesTests {
    /// That the second call runs at all shows that code which was given back comes back when it is used.
    @Test func `the mappings of code are given back, as often as one likes`() {
        let first = ResidentPages.release()
        #expect(first > 1)
        #expect(ResidentPages.release() >= first)
    }
}
