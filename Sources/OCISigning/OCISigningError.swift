// SPDX-License-Identifier: Apache-2.0

/// Why a request cannot be signed; none is worth a retry.
package enum OCISigningError: Error, Equatable, Sendable {
    /// The service defines no signature for this method.
    case unsupportedMethod(String)
    /// The value of this header or parameter holds a character that would begin another one.
    case illegalCharacter(in: String)
}
