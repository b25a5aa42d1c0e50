// SPDX-License-Identifier: Apache-2.0

internal import Encodings

/// The name of a task's object behind its owner's prefix, taken apart.
///
/// A runner stores its result as `<OCI_PREFIX>/results/<task>.pkl`, so the part that nobody can guess is in the prefix that
/// it is told. Names without that part were given by earlier releases.
struct TaskObjectName: Equatable {
    /// Which of the task's objects it is; the first part of the name.
    enum Kind: String, CaseIterable {
        case results, inputs, kept
    }

    private static let nonceDigitCount = 32

    let kind: Kind
    /// What only the manager can compute; nil in names of an earlier release.
    let nonce: String?
    /// The task, as hexadecimal digits.
    let task: String
    /// `.pkl`, `.pkl.gz` for a compressed payload, or nothing for a mark.
    let ending: String

    init(_ kind: Kind, nonce: String?, task: String, ending: String) {
        self.kind = kind
        self.nonce = nonce
        self.task = task
        self.ending = ending
    }

    /// The name of a task's result, or of its mark.
    init(_ kind: Kind, nonce: String?, task: String) {
        self.init(kind, nonce: nonce, task: task, ending: kind == .kept ? "" : ".pkl")
    }

    /// Takes a name apart that begins behind the owner's prefix, as UTF-8; nil for one that no manager gives.
    ///
    /// Each listing of objects comes here with each object.
    init?(_ text: Substring.UTF8View) {
        var parts = text.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)[...]
        guard let kind = parts.popFirst().flatMap({ Kind(rawValue: String(Substring($0))) }),
            let last = parts.popLast()
        else { return nil }
        let nonce = parts.popFirst().map { String(Substring($0)) }
        if nonce != nil, kind == .results {
            guard let folder = parts.popFirst(), Substring(folder) == "results" else { return nil }
        }
        guard parts.isEmpty else { return nil }
        if let nonce, !Self.isNonce(nonce) { return nil }
        let task = last.prefix { $0 != UInt8(ascii: ".") }
        let ending = String(Substring(last.dropFirst(task.count)))
        let endings =
            switch kind {
            case .results: [".pkl"]
            case .inputs: [".pkl", ".pkl.gz"]
            case .kept: [""]
            }
        guard !task.isEmpty, task.allSatisfy(Self.isDigit), endings.contains(ending) else { return nil }
        self.init(kind, nonce: nonce, task: String(Substring(task)), ending: ending)
    }

    /// Whether this is the form of what a key makes.
    static func isNonce(_ text: String) -> Bool {
        text.utf8.count == nonceDigitCount && text.utf8.allSatisfy(isDigit)
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        byte.isASCIIDigit || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }

    /// The name behind the owner's prefix.
    var text: String { "\(kind.rawValue)/\(folder)\(task)\(ending)" }

    private var folder: String {
        guard let nonce else { return "" }
        return kind == .results ? "\(nonce)/results/" : "\(nonce)/"
    }
}
