// SPDX-License-Identifier: Apache-2.0

internal import Encodings

/// A checked profile of `~/.oci/config`: who signs, with which key, in which region.
package struct ConfigProfile: Equatable, Sendable {
    /// How requests are to be signed.
    package enum Authentication: Equatable, Sendable {
        /// With the key of a user, known to the service by its fingerprint.
        case apiKey(userID: String, fingerprint: String)
        /// With the key that belongs to the session token in this file.
        case sessionToken(file: String)
    }

    /// What the user asked for.
    package enum Choice: Sendable {
        /// The API key; the session token where the profile names no user, as the Go SDK decides.
        case configFile
        /// The session token, as with `--auth security_token` of the CLI.
        case securityToken
    }

    /// Where the private key is.
    package enum PrivateKey: Equatable, Sendable {
        /// In this PEM file.
        case file(String)
        /// Here, as PEM text.
        case content(String)
    }

    /// OCID of the tenancy.
    package let tenancyID: String
    /// How requests are to be signed.
    package let authentication: Authentication
    /// Where the private key is.
    package let privateKey: PrivateKey
    /// What the key is encrypted with; means nothing for a key that is not.
    package let passphrase: String?
    /// The region as written: identifier, short code or domain.
    package let region: String

    /// Reads a profile, with what the environment says in place of the file.
    ///
    /// `OCI_CLI_USER` and its like override the file, as for the CLI; `OCI_REGION` only fills in a missing region, as
    /// for the SDKs. A `file` of nil stands for a profile that is all in the environment. A `region` given elsewhere
    /// does for a profile without one, as a program that sets its own region may with the SDKs.
    package init(
        _ name: String,
        in file: OCIConfigFile?,
        choice: Choice = .configFile,
        environment: [String: String],
        home: String,
        region elsewhere: String? = nil
    ) throws(OCIProfileError) {
        var settings = ProfileValues(
            entries: try file?.profile(name) ?? [:],
            environment: environment,
            home: home
        )
        if let line = settings.entries["key_content"]?.line { throw .keyContentInFile(line: line) }
        if let line = settings.entries["delegation_token_file"]?.line { throw .delegationToken(line: line) }
        tenancyID = settings.required("tenancy", where: OCIProfileRules.isOCID)
        let usesToken =
            choice == .securityToken
            || settings.value("user") == nil && settings.value("security_token_file") != nil
        if usesToken {
            authentication = .sessionToken(file: settings.path("security_token_file"))
        } else {
            authentication = .apiKey(
                userID: settings.required("user", where: OCIProfileRules.isOCID),
                fingerprint: settings.required("fingerprint", where: OCIProfileRules.isFingerprint)
            )
        }
        privateKey =
            environment.nonEmpty("OCI_CLI_KEY_CONTENT").map { .content($0) }
            ?? .file(settings.path("key_file"))
        passphrase = settings.value("pass_phrase") ?? settings.value("passphrase")
        region =
            settings.value("region") ?? environment.nonEmpty("OCI_REGION") ?? elsewhere
            ?? settings.required("region") { _ in true }
        guard settings.problems.isEmpty else { throw .invalid(profile: name, settings.problems) }
    }
}

/// The keys of one profile under the environment, and what was found wrong with them.
private struct ProfileValues {
    let entries: [String: OCIConfigFile.Entry]
    let environment: [String: String]
    let home: String
    var problems: [OCIProfileError.Problem] = []

    func value(_ key: String) -> String? {
        override(key) ?? entries[key].flatMap { $0.value.isEmpty ? nil : $0.value }
    }

    /// A required value; a bad one is noted, and the empty text stands in for it.
    mutating func required(_ key: String, where isValid: (String) -> Bool) -> String {
        let line = override(key) == nil ? entries[key]?.line : nil
        guard let value = value(key) else {
            problems.append(OCIProfileError.Problem(key: key, fault: .missing, line: line))
            return ""
        }
        if !isValid(value) {
            problems.append(OCIProfileError.Problem(key: key, fault: .malformed, line: line))
        }
        return value
    }

    mutating func path(_ key: String) -> String {
        OCIConfigLocation.expandingTilde(required(key) { _ in true }, home: home)
    }

    private func override(_ key: String) -> String? {
        Self.variables[key].flatMap { environment.nonEmpty($0) }
    }

    private static let variables = [
        "user": "OCI_CLI_USER", "tenancy": "OCI_CLI_TENANCY", "fingerprint": "OCI_CLI_FINGERPRINT",
        "key_file": "OCI_CLI_KEY_FILE", "pass_phrase": "OCI_CLI_PASSPHRASE", "region": "OCI_CLI_REGION",
        "security_token_file": "OCI_CLI_SECURITY_TOKEN_FILE",
    ]
}

/// The forms that the Python SDK demands of values.
enum OCIProfileRules {
    /// `^([0-9a-zA-Z-_]+[.:])([0-9a-zA-Z-_]*[.:]){3,}([0-9a-zA-Z-_]+)$`: five parts or more, the outer ones not empty.
    static func isOCID(_ text: String) -> Bool {
        let parts = text.split(omittingEmptySubsequences: false) { $0 == "." || $0 == ":" }
        guard parts.count >= 5, parts.first?.isEmpty == false, parts.last?.isEmpty == false else {
            return false
        }
        return parts.allSatisfy { part in
            part.utf8.allSatisfy {
                $0.isASCIIAlphanumeric || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
            }
        }
    }

    /// `^([0-9a-f]{2}:){15}[0-9a-f]{2}$`: the MD5 of the public key; upper case is refused, as by the SDK.
    static func isFingerprint(_ text: String) -> Bool {
        let pairs = text.split(separator: ":", omittingEmptySubsequences: false)
        return pairs.count == 16
            && pairs.allSatisfy { pair in
                pair.utf8.count == 2
                    && pair.utf8.allSatisfy { $0.isASCIIDigit || (0x61...0x66).contains($0) }
            }
    }
}
