// SPDX-License-Identifier: Apache-2.0

/// How long each phase of an exchange may take.
///
/// No phase is without a bound, so no server can hold a caller for ever: one that stalls meets `head` or
/// `progress`, one that sends a byte a second as well, for the head has one deadline in all and a body must
/// come at `progressBytesMin` in each `progress`.
package struct HTTPDeadlines: Sendable {
    /// Resolving the name and connecting: 10 s, as the OCI SDKs have it.
    package var connect = Duration.seconds(10)
    /// The TLS handshake, and the CONNECT exchange with a proxy, each.
    package var handshake = Duration.seconds(10)
    /// From the last byte of the request to the last byte of the answer's head: 60 s, the SDKs' read timeout.
    package var head = Duration.seconds(60)
    /// In which 64 KiB of a body, or its end, must be sent or received.
    package var progress = Duration.seconds(60)
    /// Waiting for `100 Continue` before a large body is sent all the same: 3 s, as the OCI SDKs have it.
    package var expectation = Duration.seconds(3)
    /// What counts as progress: at the least 1 KiB a second for the usual 60 s.
    package var progressBytesMin = 64 * 1024

    /// The usual times.
    package init() {}
}
