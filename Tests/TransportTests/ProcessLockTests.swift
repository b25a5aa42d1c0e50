// SPDX-License-Identifier: Apache-2.0

import Glibc
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

    @Test func `whoever is in the way can be asked who it is`() throws {
        let name = "scaler-oci-hpc test \(UInt64.random(in: 0 ... .max))"
        #expect(NameHolder(of: name) == nil)
        let holder = try hold(name) { NameHolder(of: name) }
        let own = NameHolder(processID: getpid(), userID: geteuid(), ownUserID: geteuid())
        #expect(holder == own)
        #expect(NameHolder(of: name) == nil)
    }

    @Test func `a name is held however often one asks who holds it`() throws {
        let name = "scaler-oci-hpc test \(UInt64.random(in: 0 ... .max))"
        let outcome = try hold(name) {
            (0..<1000).allSatisfy { _ in NameHolder(of: name)?.isTrusted == true }
        }
        #expect(outcome == true)
    }

    @Test(
        arguments: [(1000, 1000, true), (0, 1000, true), (1001, 1000, false), (1000, 0, false)]
            as [(UInt32, UInt32, Bool)]
    )
    func `one's own user and root are believed, and nobody else`(
        _ user: UInt32,
        _ own: UInt32,
        _ isTrusted: Bool
    ) {
        let holder = NameHolder(processID: 7, userID: user, ownUserID: own)
        #expect(holder.isTrusted == isTrusted)
        #expect("\(holder)" == "process 7 of user \(user)")
    }

    /// Runs `body` while the name is held; nil if it cannot be had.
    private func hold<Value>(_ name: String, _ body: () throws -> Value) throws -> Value? {
        guard let lock = try ProcessLock(named: name) else { return nil }
        let value = try body()
        _ = consume lock
        return value
    }
}
