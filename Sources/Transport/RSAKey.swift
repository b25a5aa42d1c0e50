// SPDX-License-Identifier: Apache-2.0

internal import COpenSSL
internal import Encodings
internal import Synchronization

/// Why a private key could not be loaded or used; never contains key material.
package enum KeyProblem: Sendable, Equatable, CustomStringConvertible {
    case passphraseMissing
    case passphraseWrong
    case publicKey
    case notRSA
    case malformed
    /// OpenSSL failed, in its own words.
    case failed(String)

    package var description: String {
        switch self {
        case .passphraseMissing: "the private key is encrypted and needs a passphrase"
        case .passphraseWrong: "the passphrase does not open the private key"
        case .publicKey: "a private key is required, but a public key was provided"
        case .notRSA: "the private key is not an RSA key"
        case .malformed: "the text is not a private key in PEM form"
        case .failed(let reason): "the private key could not be used: \(reason)"
        }
    }
}

/// A private RSA key; its numbers stay in OpenSSL's memory, which overwrites them when the key is freed.
package final class RSAKey: Sendable {
    /// Never changed after init, and OpenSSL allows any number of threads to use a key.
    private nonisolated(unsafe) let key: OpaquePointer
    /// Prepared for signatures once, which takes a tenth as long as one; used by one thread at a time.
    private nonisolated(unsafe) let context: OpaquePointer
    private let contextInUse = Mutex<Void>(())

    /// Loads a key in PEM form: PKCS#1 or PKCS#8, either encrypted or not; text around it is skipped.
    ///
    /// A passphrase for a key that is not encrypted is ignored, as the SDKs of OCI do.
    package init(pem: [UInt8], passphrase: [UInt8]? = nil) throws(TransportError) {
        key = try loadPrivateKey(pem, passphrase)
        context = signingContext(key)
        // From here on deinit frees the key, also when init throws.
        guard EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA else { throw .key(.notRSA) }
        OpenSSLError.clear()
        // Numbers that are no key show here and not in the middle of a task.
        guard trySign([]) != nil else { throw .key(.failed(OpenSSLError.take().text)) }
    }

    /// Makes a new key of 2048 bits with exponent 65537; takes 50 to 500 ms of the loop's time.
    package init(generating: Void = ()) throws(TransportError) {
        OpenSSLError.clear()
        let context: OpaquePointer = expectOpenSSL(
            EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, nil),
            "EVP_PKEY_CTX_new_id"
        )
        defer { EVP_PKEY_CTX_free(context) }
        expectOpenSSL(EVP_PKEY_keygen_init(context) == 1, "EVP_PKEY_keygen_init")
        expectOpenSSL(EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048) == 1, "set_rsa_keygen_bits")
        var made: OpaquePointer?
        guard EVP_PKEY_generate(context, &made) == 1, let made else {
            throw .key(.failed(OpenSSLError.take().text))
        }
        key = made
        self.context = signingContext(made)
    }

    /// The RSASSA-PKCS1-v1_5 signature (RFC 8017 section 8.2) over the SHA-256 of `message`.
    package func sign(_ message: [UInt8]) -> [UInt8] {
        guard let signature = trySign(message) else {
            // The key has signed when it was loaded; what is left is memory running out.
            preconditionFailure("EVP_DigestSign failed: \(OpenSSLError.take().text)")
        }
        return signature
    }

    /// The public half as DER of SubjectPublicKeyInfo (RFC 5280 section 4.1).
    package var publicKeyDER: [UInt8] { derEncoding("i2d_PUBKEY") { i2d_PUBKEY(key, $0) } }

    /// The public half as the body of a PEM block, without line breaks.
    package var publicKeyBase64: String { Base64.encode(publicKeyDER) }

    /// What OCI calls the key's fingerprint: MD5 of the public half, as pairs of lower-case hex with colons.
    package var fingerprint: String {
        Hexadecimal.encode(DigestAlgorithm.md5.digest(publicKeyDER), separator: ":")
    }

    private func trySign(_ message: [UInt8]) -> [UInt8]? {
        OpenSSLError.clear()
        let digest = DigestAlgorithm.sha256.digest(message)
        var count = Int(EVP_PKEY_get_size(key))
        var result: Int32 = 0
        let signature = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            result = contextInUse.withLock { _ in
                EVP_PKEY_sign(context, buffer.baseAddress, &count, digest, digest.count)
            }
            filled = result == 1 ? count : 0
        }
        return result == 1 ? signature : nil
    }

    deinit {
        EVP_PKEY_CTX_free(context)
        EVP_PKEY_free(key)
    }
}

/// A context for signatures of a key; it makes none where the key is of another kind.
private func signingContext(_ key: OpaquePointer) -> OpaquePointer {
    let context: OpaquePointer = expectOpenSSL(EVP_PKEY_CTX_new_from_pkey(nil, key, nil), "EVP_PKEY_CTX_new")
    let isReady =
        EVP_PKEY_sign_init(context) == 1 && EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1
        && EVP_PKEY_CTX_set_signature_md(context, DigestAlgorithm.sha256.method) == 1
    if !isReady { OpenSSLError.clear() }
    return context
}

/// The key in `pem`, of any kind; the errors differ where the user can do something about them.
private func loadPrivateKey(_ pem: [UInt8], _ passphrase: [UInt8]?) throws(TransportError) -> OpaquePointer {
    let labels = pemLabels(pem)
    guard labels.contains(where: { $0.hasSuffix("PRIVATE KEY") }) else {
        throw .key(labels.contains { $0.hasSuffix("PUBLIC KEY") } ? .publicKey : .malformed)
    }
    let attempt = PassphraseAttempt(passphrase)
    OpenSSLError.clear()
    let context = Unmanaged.passUnretained(attempt).toOpaque()
    let key = withExtendedLifetime(attempt) {
        withMemoryBIO(pem) { PEM_read_bio_PrivateKey($0, nil, passphraseCallback, context) }
    }
    OpenSSLError.clear()
    if let key { return key }
    if !attempt.wasAsked { throw .key(.malformed) }
    throw .key(passphrase == nil ? .passphraseMissing : .passphraseWrong)
}

/// What OpenSSL's question for a passphrase is answered with.
private final class PassphraseAttempt {
    let passphrase: [UInt8]?
    var wasAsked = false

    init(_ passphrase: [UInt8]?) { self.passphrase = passphrase }
}

/// Copies the passphrase to OpenSSL's buffer and returns its length, or -1 for "none".
private func passphraseCallback(
    buffer: UnsafeMutablePointer<CChar>?,
    size: Int32,
    _: Int32,
    attempt: UnsafeMutableRawPointer?
) -> Int32 {
    guard let buffer, let attempt else { return -1 }
    let answer = Unmanaged<PassphraseAttempt>.fromOpaque(attempt).takeUnretainedValue()
    answer.wasAsked = true
    guard let passphrase = answer.passphrase, passphrase.count <= Int(size) else { return -1 }
    for (index, byte) in passphrase.enumerated() { buffer[index] = CChar(bitPattern: byte) }
    return Int32(passphrase.count)
}

/// The labels of the PEM blocks that begin in `text` (RFC 7468 section 2), such as "RSA PRIVATE KEY".
private func pemLabels(_ text: [UInt8]) -> [String] {
    let marker = Array("-----BEGIN ".utf8)
    return text.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }.compactMap { line in
        guard line.starts(with: marker) else { return nil }
        let label = line.dropFirst(marker.count).prefix { $0 != UInt8(ascii: "-") }
        return String(decoding: label, as: UTF8.self)
    }
}
