// SPDX-License-Identifier: Apache-2.0

/// Why there is no identity to sign calls with; never contains key material or a token.
package enum AuthenticationProblem: Error, Sendable, Equatable {
    /// A file, variable or setting is absent or unusable; the text says which and what to do.
    case configuration(String)
    /// The key or token was refused, or cannot be renewed; the text says what to do.
    case refused(String)
    /// The service that issues tokens did not answer; the text says why.
    case unreachable(String)

    /// Whether the same may succeed later with nothing changed here.
    package var isRetryable: Bool {
        if case .unreachable = self { true } else { false }
    }

    /// The exit status for a daemon that cannot start because of it (sysexits: EX_CONFIG, EX_NOPERM, EX_UNAVAILABLE).
    package var exitStatus: Int32 {
        switch self {
        case .configuration: 78
        case .refused: 77
        case .unreachable: 69
        }
    }
}

extension AuthenticationProblem: CustomStringConvertible {
    package var description: String {
        switch self {
        case .configuration(let text), .refused(let text), .unreachable(let text): text
        }
    }
}
