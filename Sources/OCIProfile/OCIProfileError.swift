// SPDX-License-Identifier: Apache-2.0

/// What is wrong with a user's OCI configuration; each is for the user to correct, and `description` says how in a line.
///
/// No case carries the value of a key: some values are secrets.
package enum OCIProfileError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What is wrong with the value of a key.
    package enum Fault: String, Sendable {
        /// The key is absent or empty.
        case missing
        /// The value has not the form that the service demands.
        case malformed
    }

    /// A key that the profile cannot be used without, or not as it is.
    package struct Problem: Equatable, Sendable {
        /// The key as the file spells it.
        package let key: String
        /// What is wrong.
        package let fault: Fault
        /// The line of the file that set it, if the file did.
        package let line: Int?
    }

    /// The first thing in the file that is no comment is no `[SECTION]` either.
    case missingSectionHeader(line: Int)
    case unreadableLine(Int)
    /// The same section a second time; `[DEFAULT]` alone may come again.
    case duplicateSection(String, line: Int)
    case duplicateKey(String, section: String, line: Int)
    case profileNotFound(String, available: [String])
    /// The private key itself stands in the file, where the SDKs forbid it.
    case keyContentInFile(line: Int)
    /// The profile is one of Cloud Shell, whose users act through an instance that OCI keeps for them.
    case delegationToken(line: Int)
    /// Keys of the profile are missing or malformed, all that were found.
    case invalid(profile: String, [Problem])
    /// A variable of a resource principal is missing or has an unknown value.
    case resourcePrincipal(variable: String, Fault)

    package var description: String {
        switch self {
        case .missingSectionHeader(let line):
            "line \(line): there is no [SECTION] before this line; most files begin with [DEFAULT]"
        case .unreadableLine(let line):
            "line \(line): expected [SECTION], key=value or a comment"
        case .duplicateSection(let name, let line):
            "line \(line): section [\(name)] is there twice"
        case .duplicateKey(let key, let section, let line):
            "line \(line): \(key) is there twice in section [\(section)]"
        case .profileNotFound(let name, let available):
            "there is no profile [\(name)]; there is \(available.map { "[\($0)]" }.joined(separator: ", "))"
        case .keyContentInFile(let line):
            "line \(line): key_content must not stand in the file; use key_file, or OCI_CLI_KEY_CONTENT"
        case .delegationToken(let line):
            "line \(line): delegation_token_file, as in Cloud Shell, is not supported; use a profile with an API key"
        case .invalid(let profile, let problems):
            "profile [\(profile)]: \(problems.map(\.description).joined(separator: "; "))"
        case .resourcePrincipal(let variable, .missing):
            "\(variable) is not set: this is no place where a resource principal is available"
        case .resourcePrincipal(let variable, .malformed):
            "\(variable) has a value that is not supported"
        }
    }
}

extension OCIProfileError.Problem: CustomStringConvertible {
    package var description: String {
        let place = line.map { " (line \($0))" } ?? ""
        let hint =
            switch (key, fault) {
            case ("fingerprint", .malformed):
                ": expected 16 pairs of lower-case hexadecimal digits with colons"
            case ("tenancy", .malformed), ("user", .malformed):
                ": expected an OCID, such as ocid1.\(key).oc1..x"
            default: ""
            }
        return "\(key) is \(fault.rawValue)\(place)\(hint)"
    }
}
