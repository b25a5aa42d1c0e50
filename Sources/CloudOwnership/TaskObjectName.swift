// SPDX-License-Identifier: Apache-2.0

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
    private static let digits = "0123456789abcdef".utf8

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

    /// Takes a name apart that begins behind the owner's prefix; nil for one that no manager gives.
    init?(_ text: some StringProtocol) {
        var parts = text.split(separator: "/", omittingEmptySubsequences: false)[...]
        guard let kind = parts.popFirst().flatMap({ Kind(rawValue: String($0)) }), let last = parts.popLast()
        else { return nil }
        let nonce = parts.popFirst().map { String($0) }
        let rest = nonce != nil && kind == .results ? ["results"] : []
        guard parts.map({ String($0) }) == rest else { return nil }
        if let nonce, !Self.isNonce(nonce) { return nil }
        let task = last.prefix { $0 != "." }
        let ending = String(last.dropFirst(task.count))
        let endings =
            switch kind {
            case .results: [".pkl"]
            case .inputs: [".pkl", ".pkl.gz"]
            case .kept: [""]
            }
        guard !task.isEmpty, task.utf8.allSatisfy(Self.digits.contains), endings.contains(ending) else {
            return nil
        }
        self.init(kind, nonce: nonce, task: String(task), ending: ending)
    }

    /// Whether this is the form of what a key makes.
    static func isNonce(_ text: String) -> Bool {
        text.utf8.count == nonceDigitCount && text.utf8.allSatisfy(digits.contains)
    }

    /// The name behind the owner's prefix.
    var text: String { "\(kind.rawValue)/\(folder)\(task)\(ending)" }

    private var folder: String {
        guard let nonce else { return "" }
        return kind == .results ? "\(nonce)/results/" : "\(nonce)/"
    }
}
