// SPDX-License-Identifier: Apache-2.0
//
// Whether each thing is as it should be, for /readyz and the status document.
//
// Rule: what a probe answers may take the process out of service, or keep others waiting for it.
// Consequence: only a manager that its scheduler does not answer makes the process unready: without that no task comes. OCI, the
// storage and the loop are told of beside that; a task waits for them, and nobody else does it sooner.

internal import SchedulerLink

/// One thing, and whether it is as it should be.
struct StatusCheck: Equatable {
    /// What is looked at.
    enum Subject: String {
        case loop, manager, oci, storage
    }

    let subject: Subject
    /// The manager that it is about; nil for what belongs to the process.
    let managerID: String?
    let isGood: Bool
    /// How it stands, and what to do where it is not good.
    let text: String

    /// Whether the process is ready only if this is good.
    var isRequired: Bool { subject == .manager }

    /// As a line of /readyz: `[+]` good, `[-]` not, `[!]` not and yet no reason to be unready.
    var line: String {
        let sign = isGood ? "+" : isRequired ? "-" : "!"
        let name = [subject.rawValue, managerID].compactMap(\.self).joined(separator: " ")
        return "[\(sign)] \(name): \(text)\n"
    }
}

extension StatusCheck {
    /// A turn that takes longer keeps heartbeats waiting.
    private static let turnMax: Duration = .seconds(1)

    /// All checks: the loop, then those of each manager; `starting` names the managers that still wait for OCI.
    static func all(_ managers: [Metrics], starting: [String], recentTurn: Duration) -> [StatusCheck] {
        [loop(recentTurn)]
            + managers.flatMap { [registration($0), cloud($0), storage($0)] }
            + starting.map {
                StatusCheck(subject: .manager, managerID: $0, isGood: false, text: "waiting for OCI")
            }
    }

    private static func loop(_ recentTurn: Duration) -> StatusCheck {
        let milliseconds = Int((recentTurn / .milliseconds(1)).rounded(.up))
        let isGood = recentTurn <= turnMax
        let advice = isGood ? "" : "; see whether the disk under TMPDIR is slow"
        let text = "the longest turn of late took \(milliseconds) ms\(advice)"
        return StatusCheck(subject: .loop, managerID: nil, isGood: isGood, text: text)
    }

    private static func registration(_ metrics: Metrics) -> StatusCheck {
        let silence = metrics.links.silence.map { ", which last answered \(seconds($0)) s ago" } ?? ""
        let text =
            metrics.isRegistered
            ? "registered"
            : "no answer from the scheduler\(silence); check that it runs, and its address"
        return StatusCheck(
            subject: .manager,
            managerID: metrics.managerID,
            isGood: metrics.isRegistered,
            text: text
        )
    }

    private static func cloud(_ metrics: Metrics) -> StatusCheck {
        let cloud = metrics.cloud
        var text = cloud.silence.map { "the last good call was \(seconds($0)) s ago" } ?? "no good call yet"
        if let trouble = cloud.trouble { text += "; \(trouble)" }
        let isGood = !metrics.isAccessLost && cloud.trouble == nil
        return StatusCheck(subject: .oci, managerID: metrics.managerID, isGood: isGood, text: text)
    }

    private static func storage(_ metrics: Metrics) -> StatusCheck {
        let storage = metrics.storage
        let place = storage.address ?? "an address that the scheduler has not told yet"
        let isGood = storage.connectionCount > 0 || !storage.isNeeded
        let text =
            storage.connectionCount > 0
            ? "connected to \(place)"
            : isGood
                ? "no use for a connection yet"
                : "no connection to \(place), \(storage.requestCount) requests wait; check that "
                    + "scaler_object_storage_server runs, and that this host can reach it"
        return StatusCheck(subject: .storage, managerID: metrics.managerID, isGood: isGood, text: text)
    }

    private static func seconds(_ time: Duration) -> Int64 { time.components.seconds }
}
