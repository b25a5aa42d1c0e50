// SPDX-License-Identifier: Apache-2.0

import Configuration
import Encodings
import EventLoop
import OCIServices
import SchedulerLink
import TaskEngine
import TaskPayload
import TestSupport
import Transport

@testable import CloudOwnership
@testable import Tasks

/// Takes what a hostile container left, as the daemon does, and says what it was taken for.
@LoopActor
enum ContainerDriver {
    /// What is kept of a container's log for a client, as `Diagnosis` has it.
    private static let logBytesMax = 2048
    private static let task = TaskKey("000102030405060708090a0b0c0d0e0f")
    private static let owner = Owner(
        machineID: "m",
        managerID: "wm",
        schedulerAddress: "tcp://s:1",
        prefix: "scaler-tasks",
        override: "o",
        key: NameKey(machineID: "0123456789abcdef0123456789abcdef")
    )

    static func outcome(of given: HostileCase, patience: Duration) async throws -> String {
        switch given.section {
        case "result": try await result(ServiceDriver.answer(given.script))
        case "object": try await result(given.script)
        case "name": name(String(decoding: given.script.bytes, as: UTF8.self))
        case "output": output(given.script.bytes)
        case "log": try await log(ServiceDriver.answer(given.script), patience)
        default: preconditionFailure("no section \(given.section)")
        }
    }

    /// What becomes of a stored result, of which `script` is the whole answer of the cloud.
    private static func result(_ script: Script) async throws -> String {
        let peer = try HostilePeer(script, isHTTP: true)
        defer { peer.close() }
        let (network, log) = (Driver.network, RecordedLog().logger)
        let store = AnswerStore(
            owner: owner,
            objects: ObjectStorage(
                calls: try ServiceDriver.calls(to: peer.port),
                namespace: "n",
                bucket: "b"
            ),
            storage: ObjectStoreClient(
                connector: SchedulerConnector(backend: .ymq, network: network, log: log),
                endpoint: nil,
                patience: .seconds(1),
                log: log
            )
        )
        do throws(TaskInterruption) {
            guard let answer = try await store.read(task) else { return "ended vanished" }
            return told(answer)
        } catch {
            guard case .failed(let failure) = error else { return "refused \(error)" }
            // Behind the operation and the address, which has another port each time.
            let words = failure.text.split(separator: "attempt").last ?? ""
            let reason = words.split(separator: ": ", maxSplits: 1).last ?? ""
            return "refused \(reason.split(separator: " (").first?.prefix { !["(", ";"].contains($0) } ?? "")"
        }
    }

    private static func told(_ answer: TaskAnswer) -> String {
        if answer.isSuccess { return "accepted result of \(answer.object.byteCount) bytes\(printed(answer))" }
        if answer.profile != nil {
            return "accepted exception of \(answer.object.byteCount) bytes\(printed(answer))"
        }
        // An exception of the daemon's own, whose pickle holds its text.
        let text = String(decoding: (try? answer.object.bytes(at: 0, upTo: 1 << 16)) ?? [], as: UTF8.self)
        let words = text.split(separator: "cannot be understood: ", maxSplits: 1)
        guard words.count == 2 else { return "accepted failure of the runner" }
        return "refused \(words[1].prefix { $0 != "." && $0 != "(" })"
    }

    private static func printed(_ answer: TaskAnswer) -> String {
        answer.output.isEmpty ? "" : ", \(output(answer.output))"
    }

    /// What an object is taken for that was stored under a name.
    private static func name(_ text: String) -> String {
        // The name that the container was told is its own, and any it makes of that.
        let nonce = owner.name(of: .result(task)).split(separator: "/" as Character)[3]
        let pieces = text.split(separator: "{nonce}", omittingEmptySubsequences: false).map { String($0) }
        let name = pieces.joined(separator: String(nonce))
        return switch owner.object(named: name) {
        case .result(let task): "accepted result of \(task.digits.prefix(4))"
        case .input(let task, _): "accepted payload of \(task.digits.prefix(4))"
        case .mark(let task): "accepted mark of \(task.digits.prefix(4))"
        case nil: owner.hasNonce(name) ? "refused as another key's" : "refused as a stranger's"
        }
    }

    /// How much of a log is passed on as what the task printed.
    private static func output(_ log: [UInt8]) -> String {
        var progress = PrintedProgress()
        let messages = progress.messages(of: PrintedPiece.find(in: log))
        return
            "accepted \(messages.count) messages of \(messages.reduce(0) { $0 + $1.text.utf8.count }) bytes"
    }

    /// How much of a container's log gets into a failure, and what of it could drive a terminal when it is printed.
    private static func log(_ script: Script, _ patience: Duration) async throws -> String {
        let peer = try HostilePeer(script, isHTTP: true)
        defer { peer.close() }
        let instances = ContainerInstances(
            calls: try ServiceDriver.calls(to: peer.port),
            compartmentID: "ocid1.compartment.oc1..a"
        )
        do throws(OCIError) {
            let log = try await instances.retrieveLogs(
                ofContainer: "c",
                limit: logBytesMax,
                deadline: .after(patience)
            )
            let text = EndedInstance(
                id: "i",
                state: "FAILED",
                details: nil,
                lastOutput: String(decoding: log, as: UTF8.self)
            ).text
            let shown = TerminalText.shown(text, keepingLines: true)
            let unsafe = shown.unicodeScalars.count { $0 != "\n" && TerminalText.isUnsafe($0) }
            return "accepted \(log.count) bytes, \(unsafe) unsafe"
        } catch {
            return ServiceDriver.told(error)
        }
    }
}
