// SPDX-License-Identifier: Apache-2.0

/// The numbering of union tags that a scheduler speaks.
///
/// Scaler 2.7.0 removed two message types in the middle of the union and so renumbered all behind them. What
/// a scheduler sends can be told apart without knowing this; two messages that we send cannot. YMQ shows the
/// generation in the fourth byte of its greeting. ZeroMQ shows nothing: there the manager's heartbeat has to
/// be tried in both.
package enum WireGeneration: UInt8, CaseIterable, Hashable, Sendable {
    /// Scaler 2.5.0 to 2.6.0.
    case first = 1
    /// Scaler 2.7.0 and later; what 2.9.0 changed are fields only.
    case second = 2

    /// Reads the generation from the greeting's first four bytes, `YMQ` and a version; nil for any other
    /// bytes.
    package init?(magic: some Collection<UInt8>) {
        guard magic.count == 4, magic.starts(with: Self.magicPrefix), let version = magic.dropFirst(3).first
        else {
            return nil
        }
        self.init(rawValue: version)
    }

    /// The greeting's first four bytes; the connecting side mirrors what the accepting side has sent.
    package var magic: [UInt8] {
        Self.magicPrefix + [rawValue]
    }

    private static let magicPrefix = Array("YMQ".utf8)
}
