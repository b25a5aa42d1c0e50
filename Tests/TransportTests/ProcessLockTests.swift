// SPDX-License-Identifier: Apache-2.0

import Testing
import Transport

@Suite struct ProcessLockTests {
    @Test func `a name is held once, and free again when its holder is gone`() throws {
        let name = "scaler-oci-hpc test \(ProcessIdentity.processID)"
        #expect(try hold(name) { try hold(name) { true } } == .some(.none))
        #expect(try hold(name) { true } == true)
    }

    @Test func `different names do not meet`() throws {
        let name = "scaler-oci-hpc test \(ProcessIdentity.processID)"
        #expect(try hold("\(name) a") { try hold("\(name) b") { true } } == true)
    }

    /// Runs `body` while the name is held; nil if it cannot be had.
    private func hold<Value>(_ name: String, _ body: () throws -> Value) throws -> Value? {
        guard let lock = try ProcessLock(named: name) else { return nil }
        let value = try body()
        _ = consume lock
        return value
    }
}
