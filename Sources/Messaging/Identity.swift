// SPDX-License-Identifier: Apache-2.0

/// Throws unless `identity` can be carried by both wires and understood by every scheduler.
///
/// ZMTP carries 1 to 255 bytes (ZMTP 3.1, "Identity"). Scaler decodes them as UTF-8: 2.7.0 and later log an
/// error for each message from anything else, up to 2.6.0 the scheduler dies.
func requireValid(_ identity: [UInt8]) throws(MessagingError) {
    guard (1...255).contains(identity.count), String(validating: identity, as: UTF8.self) != nil else {
        throw .invalidIdentity
    }
}
