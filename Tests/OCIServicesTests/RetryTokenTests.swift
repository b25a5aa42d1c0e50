// SPDX-License-Identifier: Apache-2.0

import OCIServices
import Testing

@Suite struct RetryTokenTests {
    private func token(_ owner: String, _ task: String, _ generation: Int, _ placement: String) -> String {
        RetryToken.make(owner: owner, task: task, generation: generation, placement: placement)
    }

    @Test func `a launch has the same token in every process, and one that the service takes`() {
        let token = token("owner", "00ff", 0, "AD-1/subnet/shape")
        // Made once by sha256sum; a change here would make the next release launch running tasks again.
        #expect(token == "14e9463990eca99a7c968c391fdadc6b86bc571fecc5e60e5f969a004af7d972")
        #expect(token.utf8.count == 64)
    }

    @Test func `launches that differ anywhere have different tokens`() {
        let tokens = [
            token("a", "b", 0, "c"), token("ab", "", 0, "c"), token("", "ab", 0, "c"),
            token("a", "b", 1, "c"),
            token("a", "b", 0, "d"), token("a", "b0", 0, "c"), token("a", "b", 10, "c"),
            token("a", "b", 1, "0c"),
        ]
        #expect(Set(tokens).count == tokens.count)
    }
}
