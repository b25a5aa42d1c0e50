// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Configuration

struct NearestTests {
    private let names = ["list", "reap", "provision", "base-concurrency", "subnet-id"]

    @Test(arguments: [
        ("lsit", "list"), ("lst", "list"), ("provison", "provision"),
        ("base-concurrencies", "base-concurrency"),
        ("subnet", "subnet-id"), ("base_concurrency", "base-concurrency"), ("reap", "reap"),
    ])
    func `a slip of the finger finds its word`(_ word: String, _ name: String) {
        #expect(nearest(to: word, among: names) == name)
    }

    @Test(arguments: [
        "", "x", "zzzz", "concurrency-of-something-else", String(repeating: "l", count: 1_000_000),
    ])
    func `what resembles nothing finds nothing`(_ word: String) {
        #expect(nearest(to: word, among: names) == nil)
        #expect(nearest(to: word, among: []) == nil)
    }
}
