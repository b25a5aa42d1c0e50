// SPDX-License-Identifier: Apache-2.0

import Configuration
import Foundation
import TaskEngine
import Testing

@testable import CloudOwnership

@Suite struct NameKeyTests {
    private let task = TaskKey("000102030405060708090a0b0c0d0e0f")

    /// Computed with Python's hmac, so that a release that names otherwise is noticed: it would orphan what runs.
    @Test func `names stay the same from release to release`() {
        let key = NameKey(machineID: "0123456789abcdef0123456789abcdef")
        #expect(key.nonce(.task, of: task, owner: "0123456789ab") == "583a55c30672a3de5dada3acecab9723")
        #expect(key.nonce(.mark, of: task, owner: "0123456789ab") == "018c981cb28bf08e246a493d90254aff")
        let secret = NameKey(secret: Array(0..<32))
        #expect(secret.nonce(.task, of: task, owner: "0123456789ab") == "6d6289c280121dbcf90ef8f44ce55439")
    }

    @Test func `key, purpose, task and owner each make another nonce`() {
        let text = "0123456789abcdef0123456789abcdef"
        let key = NameKey(machineID: text)
        let nonces = [
            key.nonce(.task, of: task, owner: "o"), key.nonce(.mark, of: task, owner: "o"),
            key.nonce(.task, of: TaskKey("00"), owner: "o"), key.nonce(.task, of: task, owner: "p"),
            // The same bytes as a secret are another key.
            NameKey(secret: Array(text.utf8)).nonce(.task, of: task, owner: "o"),
        ]
        #expect(Set(nonces).count == nonces.count)
        for nonce in nonces { #expect(TaskObjectName.isNonce(nonce)) }
    }

    @Test(arguments: [(0, false), (31, false), (32, true), (4096, true), (4097, false)])
    func `a secret file has 32 to 4096 bytes`(_ byteCount: Int, _ isGood: Bool) throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "name-secret-\(UUID().uuidString)")
        try Data(repeating: 7, count: byteCount).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        var settings = Settings(schedulerAddress: .tcp(host: "h", port: 1))
        settings.nameSecretFile = file.path
        if isGood {
            #expect(try NameKey(settings) == NameKey(secret: [UInt8](repeating: 7, count: byteCount)))
        } else {
            let error = #expect(throws: NameKeyError.self) { try NameKey(settings) }
            #expect("\(try #require(error))".contains("head -c 32 /dev/urandom"))
        }
    }

    @Test func `a secret file that is not there is named`() throws {
        var settings = Settings(schedulerAddress: .tcp(host: "h", port: 1))
        settings.nameSecretFile = "/nowhere/secret"
        let error = #expect(throws: NameKeyError.self) { try NameKey(settings) }
        #expect("\(try #require(error))".contains("/nowhere/secret cannot be read"))
    }

    @Test func `a host without an identity needs a secret file`() throws {
        #expect(throws: NameKeyError.self) { try NameKey(secretFile: nil, machineID: nil) }
        #expect(try NameKey(secretFile: nil, machineID: "m") == NameKey(machineID: "m"))
    }
}
