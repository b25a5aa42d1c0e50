// SPDX-License-Identifier: Apache-2.0

/// The credentials that OCI hands to a container through its environment (resource principal version 2.2).
package struct ResourcePrincipal: Equatable, Sendable {
    /// A text, or the file that holds it: an absolute path is a file, which the platform renews from time to time.
    package enum Source: Equatable, Sendable {
        /// The text itself; it cannot be renewed.
        case value(String)
        /// The path of a file with the text; white space around it is not part of it.
        case file(String)

        init(_ text: String) { self = text.hasPrefix("/") ? .file(text) : .value(text) }
    }

    /// The token that names the principal.
    package let token: Source
    /// The private key, PEM.
    package let privateKey: Source
    /// What the key is encrypted with, if it is.
    package let passphrase: Source?
    /// The region: identifier or short code.
    package let region: String

    /// Reads the environment.
    package init(environment: [String: String]) throws(OCIProfileError) {
        func required(_ name: String) throws(OCIProfileError) -> String {
            guard let value = environment.nonEmpty(name) else {
                throw .resourcePrincipal(variable: name, .missing)
            }
            return value
        }
        let version = "OCI_RESOURCE_PRINCIPAL_VERSION"
        guard try required(version) == "2.2" else { throw .resourcePrincipal(variable: version, .malformed) }
        token = Source(try required("OCI_RESOURCE_PRINCIPAL_RPST"))
        privateKey = Source(try required("OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM"))
        // A passphrase may begin with a slash; it names a file only where the key is one.
        let isFile = if case .file = privateKey { true } else { false }
        passphrase = environment.nonEmpty("OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM_PASSPHRASE")
            .map { isFile ? Source($0) : .value($0) }
        region = try required("OCI_RESOURCE_PRINCIPAL_REGION")
    }
}
