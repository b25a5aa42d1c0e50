// SPDX-License-Identifier: Apache-2.0

import Configuration
import EventLoop
import Messaging
import SchedulerMessages
import TestSupport
import Transport

@testable import SchedulerLink

/// Asks a hostile object storage for an object, or to keep one, and says what came of it.
///
/// A connection that is given up is `refused`, or `ended` where nothing came: the client would ask again on the next one.
@LoopActor
enum StorageDriver {
    private static let warning = "warning object storage is not reachable; trying again"

    static func outcome(of given: HostileCase, patience: Duration) async throws -> String {
        let peer = try HostilePeer(given.script)
        defer { peer.close() }
        let log = RecordedLog()
        let client = ObjectStoreClient(
            connector: SchedulerConnector(backend: .ymq, network: Driver.network, log: log.logger),
            endpoint: .tcp(host: "127.0.0.1", port: peer.port),
            pace: ObjectStoreConversation.Pace(
                patience: patience * 2,
                silence: given.isMeantToStall ? patience : .seconds(20),
                look: patience
            ),
            log: log.logger,
            random: { 0.999 }
        )
        let run = spawn { await client.run() }
        let asking = spawn { await answer(given.section, client) }
        let watch = spawn {
            while log.facts(of: warning).isEmpty {
                guard (try? await sleep(for: .milliseconds(2))) != nil else { return }
            }
            asking.cancel()
        }
        let outcome = await asking.value
        watch.cancel()
        run.cancel()
        await run.value
        return outcome ?? told(log.facts(of: warning).first?["error"] ?? "")
    }

    /// What the storage said; nil if the connection was given up first.
    private static func answer(_ section: String, _ client: ObjectStoreClient) async -> String? {
        guard let id = try? ObjectID([UInt8](repeating: UInt8(ascii: "A"), count: 32)) else { return nil }
        do throws(ObjectStoreError) {
            if section == "set" {
                try await client.set(id, to: Blob(Array("payload".utf8)))
                return "accepted"
            }
            let request = client.get(id)
            try await client.waitUntilSettled(request)
            let blob = try await client.blob(of: request)
            let bytes = (try? blob.bytes(at: 0, upTo: 64)) ?? []
            return "accepted\(blob.byteCount > 40 ? " \(blob.byteCount) bytes" : Driver.shown(bytes))"
        } catch {
            return error == .cancelled ? nil : "accepted \(error)"
        }
    }

    private static func told(_ error: String) -> String {
        if error == "it is silent" { return "ended silent" }
        let words = error.split(separator: "unexpected answer: ").last ?? ""
        return "refused \(words.prefix { $0 != "(" })"
    }
}
