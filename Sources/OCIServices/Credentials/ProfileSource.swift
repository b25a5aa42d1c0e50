// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import OCIProfile
internal import OCISigning
internal import Transport

/// A profile of the configuration file, and which file that was.
struct ProfileSource {
    /// A configuration file with many profiles has a few KB.
    private static let fileBytesMax = 1 << 20

    let profile: ConfigProfile
    /// The file, or nil where everything stands in the environment.
    let path: String?
    /// Finds the profile anew: its owner may have changed it.
    let again: @Sendable () throws(OCIError) -> ProfileSource

    static func find(
        _ options: CloudAccessOptions,
        environment: [String: String],
        home: String
    ) throws(OCIError) -> ProfileSource {
        let candidates = OCIConfigLocation.candidates(
            explicit: options.configFile,
            environment: environment,
            home: home
        )
        let name = OCIConfigLocation.profileName(explicit: options.profileName, environment: environment)
        let found = try firstFile(candidates)
        let file = try found.map { found throws(OCIError) in
            try reading(found.path) { () throws(OCIProfileError) in try OCIConfigFile(found.text) }
        }
        if file == nil, environment["OCI_CLI_TENANCY"] == nil {
            throw .configuration(
                "there is no OCI configuration file at \(candidates.joined(separator: " or ")): run "
                    + "`oci setup config` where the OCI CLI is, which is not needed here, or save what the console shows "
                    + "when you add an API key to your user, or choose another --auth-type"
            )
        }
        let profile = try reading(found?.path ?? "the environment") { () throws(OCIProfileError) in
            try ConfigProfile(
                name,
                in: file,
                choice: options.principal == .securityToken ? .securityToken : .configFile,
                environment: environment,
                home: home,
                region: options.region
            )
        }
        return ProfileSource(profile: profile, path: found?.path) { () throws(OCIError) in
            try find(options, environment: environment, home: home)
        }
    }

    /// Files of the profile that others on this machine can read.
    var warnings: [String] {
        var paths = [path].compactMap(\.self)
        if case .file(let path) = profile.privateKey { paths.append(path) }
        if case .sessionToken(let path) = profile.authentication { paths.append(path) }
        return paths.compactMap(warningOfOpenness)
    }

    /// The first file that exists; one that exists and cannot be read is an error to be shown.
    private static func firstFile(_ candidates: [String]) throws(OCIError) -> (path: String, text: String)? {
        for path in candidates {
            do throws(TransportError) {
                let text = try readFile(path, byteCountMax: fileBytesMax)
                return (path, String(decoding: text, as: UTF8.self))
            } catch  where error.isFileMissing {
                continue
            } catch {
                throw .configuration("configuration file \(path): \(error)")
            }
        }
        return nil
    }

    /// Loads the API key that the profile names and returns credentials that sign with it.
    @LoopActor
    func apiKey() throws(OCIError) -> APIKeyCredentials {
        APIKeyCredentials(try signingIdentity(), tenancyID: profile.tenancyID) {
            [again] () throws(OCIError) in
            try again().signingIdentity()
        }
    }

    private func signingIdentity() throws(OCIError) -> SigningIdentity {
        guard case .apiKey(let userID, let fingerprint) = profile.authentication else {
            throw .configuration("the profile names no API key any more; restart to use its session token")
        }
        let key = try privateKey()
        guard key.fingerprint == fingerprint else {
            throw .configuration(
                "the fingerprint in the profile is \(fingerprint), but that of the private key is "
                    + "\(key.fingerprint): name the key that was uploaded"
            )
        }
        let keyID = try reading("the profile cannot be used to sign") { () throws(OCISigningError) in
            try KeyIdentity.apiKey(tenancyID: profile.tenancyID, userID: userID, fingerprint: fingerprint)
        }
        return SigningIdentity(keyID: keyID, key: key)
    }

    /// The private key that the profile names or holds.
    func privateKey() throws(OCIError) -> RSAKey {
        let passphrase = profile.passphrase.map { Array($0.utf8) }
        switch profile.privateKey {
        case .content(let text):
            return try OCIServices.privateKey(Array(text.utf8), passphrase, source: "OCI_CLI_KEY_CONTENT")
        case .file(let path):
            var text = try credentialFile(path, name: "key_file")
            defer { cleanse(&text) }
            return try OCIServices.privateKey(text, passphrase, source: "key_file \(path)")
        }
    }
}

func privateKey(_ text: [UInt8], _ passphrase: [UInt8]?, source: String) throws(OCIError) -> RSAKey {
    try reading(source) { () throws(TransportError) in try RSAKey(pem: text, passphrase: passphrase) }
}

/// Reads a file that credentials are made of, a key or a token, of 1 to 2 KB; `name` says in the error what it was for.
func credentialFile(_ path: String, name: String) throws(OCIError) -> [UInt8] {
    guard mayBePath(path) else {
        throw .configuration("\(name) is no path: give that of a file, not the key or the token itself")
    }
    return try reading("\(name) \(path)") { () throws(TransportError) in
        try readFile(path, byteCountMax: 64 * 1024)
    }
}

/// Whether a text can name a file: else it may be a key or a token, which no message may repeat.
///
/// A name has at most 255 bytes (NAME_MAX, limits.h); the tokens of OCI are longer and hold no slash.
private func mayBePath(_ text: String) -> Bool {
    !text.hasPrefix("-----BEGIN")
        && text.utf8.split(separator: UInt8(ascii: "/")).allSatisfy { $0.count <= 255 }
}
