// SPDX-License-Identifier: Apache-2.0

/// The release of this program.
enum Version {
    static let text = "0.1.0"
}
