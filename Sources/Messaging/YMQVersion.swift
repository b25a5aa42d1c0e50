// SPDX-License-Identifier: Apache-2.0

/// The version byte that ends YMQ's magic, which a connector mirrors.
package enum YMQVersion: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    /// Scaler 2.5.0 to 2.6.0.
    case one = 1
    /// Scaler 2.7.0 and later; both ends also use TCP keep-alive.
    case two = 2

    /// The four bytes that begin a connection.
    var magic: [UInt8] {
        [UInt8(ascii: "Y"), UInt8(ascii: "M"), UInt8(ascii: "Q"), rawValue]
    }

    /// The number.
    package var description: String {
        "\(rawValue)"
    }
}
