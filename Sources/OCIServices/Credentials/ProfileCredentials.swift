// SPDX-License-Identifier: Apache-2.0

internal import EventLoop
internal import OCIProfile
internal import OCISigning
internal import Transport

/// The API key that a profile of `~/.oci/config` names.
enum ProfileCredentials {
    /// A private key file is some 2 KB.
    static let keyBytesMax = 64 * 1024

    /// Loads the key and returns credentials that sign with it.
    @LoopActor
    static func apiKey(
        _ profile: ConfigProfile,
        userID: String,
        fingerprint: String
    ) throws(OCIError) -> FixedCredentials {
        let key = try privateKey(of: profile)
        guard key.fingerprint == fingerprint else {
            throw .authentication(
                .configuration(
                    "the fingerprint in the profile is \(fingerprint), but that of the private key is "
                        + "\(key.fingerprint): name the key that was uploaded"
                )
            )
        }
        let keyID = try reading("the profile cannot be used to sign") { () throws(OCISigningError) in
            try KeyIdentity.apiKey(tenancyID: profile.tenancyID, userID: userID, fingerprint: fingerprint)
        }
        return FixedCredentials(SigningIdentity(keyID: keyID, key: key), tenancyID: profile.tenancyID)
    }

    /// The private key that a profile names or holds.
    static func privateKey(of profile: ConfigProfile) throws(OCIError) -> RSAKey {
        let passphrase = profile.passphrase.map { Array($0.utf8) }
        switch profile.privateKey {
        case .content(let text):
            return try privateKey(Array(text.utf8), passphrase, source: "OCI_CLI_KEY_CONTENT")
        case .file(let path):
            var text = try credentialFile(path, byteCountMax: keyBytesMax, name: "key_file")
            defer { cleanse(&text) }
            return try privateKey(text, passphrase, source: "key_file \(path)")
        }
    }

    /// The private key in `text`, which came from `source`.
    static func privateKey(
        _ text: [UInt8],
        _ passphrase: [UInt8]?,
        source: String
    ) throws(OCIError) -> RSAKey {
        try reading(source) { () throws(TransportError) in try RSAKey(pem: text, passphrase: passphrase) }
    }
}

/// Reads a file that credentials are made of; `name` says in the error what it was for.
func credentialFile(_ path: String, byteCountMax: Int, name: String) throws(OCIError) -> [UInt8] {
    try reading("\(name) \(path)") { () throws(TransportError) in
        try readFile(path, byteCountMax: byteCountMax)
    }
}
