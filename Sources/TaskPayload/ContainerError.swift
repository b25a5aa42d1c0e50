// SPDX-License-Identifier: Apache-2.0

/// What a job runner stores when the payload could not even be loaded or its outcome not be stored.
///
/// It is a pickled dictionary with a true value under `_scaler_container_error`, the error's text under `error` and
/// its traceback under `traceback`; a runner may add more plain fields.
package struct ContainerError: Equatable, Sendable {
    static let key = "_scaler_container_error"

    /// A further field, its value as Python's `str` shows it.
    package struct Field: Equatable, Sendable {
        /// The key.
        package let name: String
        /// The value.
        package let text: String
    }

    /// The runner's text, or `unknown`.
    package let error: String
    /// The runner's traceback; may be empty.
    package let traceback: String
    /// Whatever else the runner said, in its order; `None` says nothing.
    package let fields: [Field]

    /// What a client of Scaler's own OCI manager reads in this case, and the end of its stderr where the runner sent it.
    package var clientText: String {
        let text = "Task failed in container: \(error)\n\(traceback)"
        guard let tail = fields.first(where: { $0.name == "stderr_tail" })?.text, !tail.isEmpty else {
            return text
        }
        return text + "The end of its stderr:\n\(tail)"
    }

    /// Whether the task took its process with it: a signal, `os._exit`, or the kernel's out-of-memory killer.
    package var saysProcessDied: Bool {
        fields.contains { $0.name == "kind" && ($0.text == "signal" || $0.text == "exit") }
    }

    /// Takes the dictionary apart, or returns nil when it does not say that it is an error.
    init?(_ pairs: [PickleValue.Pair]) {
        // A key that was set twice has its last value, as in Python.
        let texts = Dictionary(pairs.map { ($0.key, $0.value) }) { $1 }
        guard texts[Self.key]?.isTrue == true else { return nil }
        error = texts["error"]?.pythonText ?? "unknown"
        traceback = texts["traceback"]?.pythonText ?? ""
        fields = pairs.filter { ![Self.key, "error", "traceback"].contains($0.key) && $0.value != .none }
            .map { Field(name: $0.key, text: $0.value.pythonText) }
    }
}

extension PickleValue {
    fileprivate var isTrue: Bool {
        switch self {
        case .none: false
        case .bool(let value): value
        case .int(let value): value != 0
        case .text(let value): !value.isEmpty
        case .bytes(let range): !range.isEmpty
        case .dict(let pairs): !pairs.isEmpty
        }
    }

    /// The text that Python's `str` gives, except for bytes and dictionaries, which only say what they are.
    fileprivate var pythonText: String {
        switch self {
        case .none: "None"
        case .bool(let value): value ? "True" : "False"
        case .int(let value): String(value)
        case .text(let value): value
        case .bytes(let range): "\(range.count) bytes"
        case .dict(let pairs): "a dict of \(pairs.count)"
        }
    }
}
