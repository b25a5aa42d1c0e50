// SPDX-License-Identifier: Apache-2.0

package import HTTPClient
internal import Transport

/// A call that got no answer.
package struct TransportFailure: Sendable, Equatable {
    /// The call.
    package let operation: Operation
    /// Where it was sent.
    package let origin: HTTPOrigin
    /// Why the last attempt failed.
    package let error: HTTPError
    /// How many attempts were made.
    package let attemptCount: Int

    /// A failure from its parts.
    package init(operation: Operation, origin: HTTPOrigin, error: HTTPError, attemptCount: Int) {
        self.operation = operation
        self.origin = origin
        self.error = error
        self.attemptCount = attemptCount
    }

    /// Whether the same call may succeed later with nothing changed here.
    package var isRetryable: Bool { error.isRetryable }
}

extension TransportFailure: CustomStringConvertible {
    package var description: String {
        let attempts = attemptCount == 1 ? "one attempt" : "\(attemptCount) attempts"
        let text = "\(operation.rawValue) got no answer from \(origin) after \(attempts): \(error)"
        return advice.map { "\(text); \($0)" } ?? text
    }

    private var advice: String? {
        switch error {
        case .transport(.certificate, _), .transport(.malformedCertificate, _):
            "name the authority that signed the server's certificate with --ca-bundle"
        case .transport(.unresolved, _): "check --oci-region, --oci-endpoint and this host's name servers"
        case .proxyRefused, .malformedProxy: "check HTTPS_PROXY and NO_PROXY"
        case .deadlinePassed, .transport: "check that this host can reach that address, and HTTPS_PROXY"
        case .wire: "check what answers at that address"
        case .cancelled, .clientClosed: nil
        }
    }
}
