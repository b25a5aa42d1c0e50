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
}

extension AuthenticationProblem: CustomStringConvertible {
    package var description: String {
        switch self {
        case .configuration(let text), .refused(let text), .unreachable(let text): text
        }
    }
}
