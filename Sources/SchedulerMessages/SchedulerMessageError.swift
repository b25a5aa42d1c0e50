// SPDX-License-Identifier: Apache-2.0

package import CapnProto

/// A reason why bytes are not a message of the Scaler protocol.
///
/// All are the sender's fault and none goes away by reading again.
package enum SchedulerMessageError: Error, Equatable, Sendable {
    /// The bytes are no Cap'n Proto message, or a field cannot be read as its type.
    case encoding(CapnProtoError)
    /// A field of fixed length has another length, in bytes.
    case wrongLength(field: Field, byteCount: Int)
    /// A field holds a number that no known version gives a meaning to, where one is needed.
    case unknownValue(field: Field, value: UInt16)

    /// The fields that can be wrong in themselves.
    package enum Field: String, Equatable, Sendable {
        case taskID
        case objectID
        case objectTag
        case objectHeader
        case taskFlags
        case resultType
        case cancelConfirmType
        case logType
        case objectContentType
        case objectRequestType
        case objectResponseType
    }
}
