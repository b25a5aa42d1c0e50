// SPDX-License-Identifier: Apache-2.0

internal import Compression
internal import Encodings

/// What containers store, in the form of Python's pickle module (protocol 5) and of the job runner.
enum StoredOutcome {
    /// The client's bytes with the trampoline's head, as a pickled `bytes`.
    static func outcome(_ payload: [UInt8], isSuccess: Bool, of launch: InstanceLaunchDetails) -> [UInt8] {
        let job = launch.job
        let seconds = Float(job.milliseconds) / 1000
        let profile = ProfileResult(bytes: [UInt8](repeating: 0, count: ProfileResult.byteCount)).map {
            empty in
            var profile = empty
            profile.durationSeconds = seconds
            profile.cpuSeconds = seconds / 2
            profile.memoryPeakBytes = 1 << 20
            return profile.bytes
        }
        let kind = (isSuccess ? "R" : "E")
        var value = Array("SOH1\(launch.isOutputWanted ? kind.lowercased() : kind)".utf8) + (profile ?? [])
        if launch.isOutputWanted {
            let output = Array("[\"scaler-output\", 0, 1, \"job \(job.number)\\n\"]\n".utf8)
            value += bigEndianBytes(UInt32(output.count)) + output
        }
        return compressed(pickled(value + payload))
    }

    /// A pickled RuntimeError.
    static func exception(_ text: String) -> [UInt8] {
        [0x80, 4] + short("builtins") + short("RuntimeError") + [0x93] + short(text) + [
            0x85, UInt8(ascii: "R"), 0x2E,
        ]
    }

    /// The job runner's account of a task that took its process with it.
    static func processDied(exitCode: Int) -> [UInt8] {
        account([
            ("kind", "signal"), ("error", "the task's process was killed by SIGKILL (exit code \(exitCode))"),
            ("traceback", ""), ("exit_code", "\(exitCode)"), ("signal", "SIGKILL"), ("stderr_tail", "Killed"),
        ])
    }

    /// The job runner's account of a payload that it could not fetch.
    static func payloadMissing() -> [UInt8] {
        account([("kind", "payload"), ("error", "the payload could not be fetched: 404"), ("traceback", "")])
    }

    private static func account(_ pairs: [(String, String)]) -> [UInt8] {
        let items = short("_scaler_container_error") + [0x88] + pairs.flatMap { short($0.0) + short($0.1) }
        return [0x80, 5, UInt8(ascii: "}"), 0x94, UInt8(ascii: "(")] + items + [UInt8(ascii: "u"), 0x2E]
    }

    /// Bytes that are no outcome; `share` (0 to 1) picks the kind.
    static func garbage(_ share: Double, of launch: InstanceLaunchDetails) -> [UInt8] {
        let whole = pickled(Array("SOH1R".utf8) + [UInt8](repeating: 0, count: 16) + launch.job.result)
        switch share {
        case ..<0.2: return []
        case ..<0.4: return Array(whole.dropLast(1 + Int(share * 60)))
        case ..<0.6: return whole + [0]
        case ..<0.8: return [0x80, 4, UInt8(ascii: "K"), 42, 0x2E]
        default: return Gzip.magic + Array("no gzip".utf8)
        }
    }

    /// `pickle.dumps(bytes, 5)`: in a frame, unless the value is too large for one.
    private static func pickled(_ value: [UInt8]) -> [UInt8] {
        let body =
            value.count < 256
            ? [UInt8(ascii: "C"), UInt8(value.count)]
            : [UInt8(ascii: "B")] + littleEndianBytes(UInt32(value.count))
        let frame = body.count + value.count + 2
        let head = value.count < 65_536 ? [0x95] + littleEndianBytes(UInt64(frame)) : []
        return [0x80, 5] + head + body + value + [0x94, 0x2E]
    }

    private static func short(_ text: String) -> [UInt8] {
        [0x8C, UInt8(text.utf8.count)] + Array(text.utf8) + [0x94]
    }

    private static func compressed(_ bytes: [UInt8]) -> [UInt8] {
        bytes.count > 4096 ? Gzip.compress(bytes, level: 1) : bytes
    }
}
