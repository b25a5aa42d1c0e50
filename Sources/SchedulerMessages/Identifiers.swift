// SPDX-License-Identifier: Apache-2.0

import Encodings

/// The name of a task: 16 random bytes in all known versions, though the wire allows any number.
package struct TaskID: Hashable, Sendable, CustomStringConvertible {
    /// The bytes as they travel.
    package let bytes: [UInt8]

    /// Creates an id from bytes, which are copied.
    package init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

    /// The bytes as lower-case hexadecimal digits, which is how Scaler writes task ids.
    package var hexadecimal: String { Hexadecimal.encode(bytes) }

    package var description: String { hexadecimal }
}

/// The identity of a client, which is the `source` of its tasks and the owner of its objects.
///
/// Scaler makes them UTF-8 text such as `Client|<32 digits>`; here they are compared and returned, never
/// interpreted.
package struct ClientID: Hashable, Sendable, CustomStringConvertible {
    /// The bytes as they travel.
    package let bytes: [UInt8]

    /// Creates an identity from bytes, which are copied.
    package init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

    /// The bytes as text, with replacement characters where they are not UTF-8.
    package var description: String { String(decoding: bytes, as: UTF8.self) }
}
