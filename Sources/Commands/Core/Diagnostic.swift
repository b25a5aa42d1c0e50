// SPDX-License-Identifier: Apache-2.0

internal import OCIServices

/// What is wrong, why, and what to do about it: what every message to a person is made of.
package struct Diagnostic: Sendable, Equatable {
    /// What does not work, such as `subnet ocid1... cannot be used`.
    package let what: String
    /// Why, as far as that is known.
    package let why: String
    /// What the reader does next.
    package let remedy: String

    /// A diagnostic from its three parts.
    package init(_ what: String, why: String, remedy: String) {
        self.what = what
        self.why = why
        self.remedy = remedy
    }
}

extension Diagnostic: CustomStringConvertible {
    package var description: String { "\(what): \(why); \(remedy)" }
}

extension Diagnostic {
    /// Something could not be done because of what the cloud said, or did not say.
    init(_ what: String, _ error: OCIError) {
        let (why, remedy) = Self.explanation(of: error)
        self.init(what, why: why, remedy: remedy)
    }

    private static func explanation(of error: OCIError) -> (why: String, remedy: String) {
        switch error {
        case .service(let failure):
            let code = failure.code.map { " \($0)" } ?? ""
            return (
                "\(failure.operation.name) was answered with \(failure.status)\(code): \(failure.message) "
                    + "(opc-request-id \(failure.opcRequestID ?? "none"))",
                failure.advice ?? "try again later; if it stays so, give that id to Oracle's support"
            )
        case .transport(let failure):
            return (
                "\(failure)",
                "check the network from this host, HTTPS_PROXY, --oci-region and --oci-endpoint"
            )
        case .malformedAnswer, .deadlinePassed:
            return ("\(error)", "check --oci-endpoint and any proxy between here and OCI")
        case .authentication(.configuration(let text)):
            return (text, "mend that, or choose another --oci-profile or --auth-type")
        case .authentication(.refused(let text)):
            return (text, "make a new key or token and register it with the user")
        case .authentication(.unreachable(let text)):
            return (text, "check that this host can reach the service that issues tokens")
        case .unknownAvailabilityDomain(let name, let known):
            return (
                "there is no availability domain \(name) in this region",
                "give one of \(known.joined(separator: ", ")) as --availability-domain"
            )
        case .unsendable, .cancelled:
            return ("\(error)", "check the identifiers in the configuration")
        }
    }
}
