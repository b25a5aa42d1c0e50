// SPDX-License-Identifier: Apache-2.0

package import EventLoop
package import OCISigning
package import Transport

/// A key and the name under which the service knows it; the two belong together and change together.
package struct SigningIdentity: Sendable {
    /// The keyId of the signature: `tenancy/user/fingerprint`, or `ST$` and a token.
    package let keyID: KeyIdentity
    /// The private key.
    package let key: RSAKey

    /// An identity from its parts.
    package init(keyID: KeyIdentity, key: RSAKey) {
        self.keyID = keyID
        self.key = key
    }
}

/// Where identities come from: an API key stays until somebody changes it, tokens run out and are renewed.
@LoopActor
package protocol CredentialSource: AnyObject, Sendable {
    /// The OCID of the tenancy, if known.
    var tenancyID: String? { get }

    /// When what is signed with now runs out, in seconds since 1970; nil if it does not, or does not say.
    var expiry: Int? { get }

    /// The identity to sign with now; renews one that is about to expire.
    func current(deadline: Deadline) async throws(OCIError) -> SigningIdentity

    /// Tells that the service refused `identity`; returns whether there is another one now, worth one more attempt.
    func replace(rejected identity: SigningIdentity, deadline: Deadline) async throws(OCIError) -> Bool
}

extension CredentialSource {
    package var expiry: Int? { nil }
}

/// An API key, looked for anew when it is refused: its owner may have put another in its place.
@LoopActor
package final class APIKeyCredentials: CredentialSource {
    /// Finds the key anew.
    package typealias Reload = @LoopActor @Sendable () throws(OCIError) -> SigningIdentity

    /// The OCID of the tenancy, if known.
    package let tenancyID: String?
    private var identity: SigningIdentity
    private let reload: Reload?

    /// Signs as `identity`; without `reload` a key that was refused stays refused.
    package init(_ identity: SigningIdentity, tenancyID: String?, reload: Reload? = nil) {
        self.tenancyID = tenancyID
        self.identity = identity
        self.reload = reload
    }

    package func current(deadline: Deadline) async throws(OCIError) -> SigningIdentity { identity }

    package func replace(
        rejected identity: SigningIdentity,
        deadline: Deadline
    ) async throws(OCIError) -> Bool {
        // The name of a key holds its fingerprint.
        if self.identity.keyID.text == identity.keyID.text, let reload { self.identity = try reload() }
        return self.identity.keyID.text != identity.keyID.text
    }
}

/// Why there is no identity to sign calls with; never contains key material or a token.
package enum AuthenticationProblem: Error, Sendable, Equatable, CustomStringConvertible {
    /// A file, variable or setting is absent or unusable; the text says which and what to do.
    case configuration(String)
    /// The key or token was refused, or cannot be renewed; the text says what to do.
    case refused(String)
    /// The service that issues tokens did not answer; the text says why.
    case unreachable(String)

    /// Whether the same may succeed later with nothing changed here.
    package var isRetryable: Bool { if case .unreachable = self { true } else { false } }

    package var description: String {
        switch self {
        case .configuration(let text), .refused(let text), .unreachable(let text): text
        }
    }
}

extension OCIError {
    static func configuration(_ text: String) -> OCIError { .authentication(.configuration(text)) }
    static func refused(_ text: String) -> OCIError { .authentication(.refused(text)) }
    static func unreachable(_ text: String) -> OCIError { .authentication(.unreachable(text)) }
}

/// Does `body`, whose failure means that a file, variable or setting cannot be used; `source` says which.
func reading<Value, Failure: Error>(
    _ source: String,
    _ body: () throws(Failure) -> Value
) throws(OCIError) -> Value {
    do throws(Failure) {
        return try body()
    } catch {
        let text = "\(source): \(error)"
        // Without a file descriptor the file says nothing yet.
        throw (error as? TransportError)?.isFileShortage == true ? .unreachable(text) : .configuration(text)
    }
}
