// SPDX-License-Identifier: Apache-2.0

internal import COpenSSL
internal import Glibc

/// A certificate with its key, made when asked for; nothing of it is ever stored.
package final class TestCertificate: Sendable {
    /// What the certificate says.
    package struct Contents: Sendable {
        /// The subject's common name.
        package var commonName = "test"
        /// Further attributes of the subject, each an organizational unit.
        package var units: [String] = []
        /// Subject alternative names in OpenSSL's notation, such as "DNS:a.test" or "IP:127.0.0.1".
        package var names = ["DNS:localhost", "IP:127.0.0.1", "IP:::1"]
        /// Seconds from now to its first moment.
        package var validFrom = -3600
        /// Seconds from now to its last moment.
        package var validUntil = 3600
        /// Whether it may sign others.
        package var isAuthority = false
        /// RSA with this length of modulus; nil for the curve P-256, which is made faster.
        package var rsaBitCount: Int32?
        /// Whether its signature uses SHA-1, which nobody should believe.
        package var isSignedWithSHA1 = false

        package init() {}
    }

    private nonisolated(unsafe) let certificate: OpaquePointer
    private nonisolated(unsafe) let key: OpaquePointer
    private let issuer: TestCertificate?

    /// Makes a certificate that `issuer` signs; it signs itself without one.
    package init(issuer: TestCertificate? = nil, _ change: (inout Contents) -> Void = { _ in }) {
        var contents = Contents()
        change(&contents)
        self.issuer = issuer
        key = makeKey(contents.rsaBitCount)
        certificate = makeCertificate(contents, key, issuer?.certificate)
        let result = X509_sign(
            certificate,
            issuer?.key ?? key,
            contents.isSignedWithSHA1 ? EVP_sha1() : EVP_sha256()
        )
        precondition(result > 0, "X509_sign failed")
    }

    /// An authority of its own.
    package static func authority(_ name: String = "test authority") -> TestCertificate {
        TestCertificate {
            $0.commonName = name
            $0.isAuthority = true
        }
    }

    /// The certificate in PEM form.
    package var certificatePEM: [UInt8] {
        writtenText { PEM_write_bio_X509($0, certificate) }
    }

    /// The certificate and those above it, but for the root, in PEM form.
    package var chainPEM: [UInt8] {
        var pem = certificatePEM
        var above = issuer
        while let next = above, next.issuer != nil {
            pem += next.certificatePEM
            above = next.issuer
        }
        return pem
    }

    /// The private key in PKCS#8, in PEM form.
    package var privateKeyPEM: [UInt8] {
        writtenText { PEM_write_bio_PKCS8PrivateKey($0, key, nil, nil, 0, nil, nil) }
    }

    /// Calls `body` with the X509 and EVP_PKEY pointers and the X509 pointers of the authorities between.
    func withPointers(_ body: (OpaquePointer, OpaquePointer, [OpaquePointer]) -> Void) {
        var between: [OpaquePointer] = []
        var above = issuer
        while let next = above, next.issuer != nil {
            between.append(next.certificate)
            above = next.issuer
        }
        body(certificate, key, between)
    }

    deinit {
        X509_free(certificate)
        EVP_PKEY_free(key)
    }
}

/// A new key: RSA with that length of modulus, else on the curve P-256.
func makeKey(_ rsaBitCount: Int32?) -> OpaquePointer {
    let context = EVP_PKEY_CTX_new_id(rsaBitCount == nil ? EVP_PKEY_EC : EVP_PKEY_RSA, nil)
    defer { EVP_PKEY_CTX_free(context) }
    EVP_PKEY_keygen_init(context)
    if let rsaBitCount {
        EVP_PKEY_CTX_set_rsa_keygen_bits(context, rsaBitCount)
    } else {
        EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_X9_62_prime256v1)
    }
    var key: OpaquePointer?
    EVP_PKEY_generate(context, &key)
    guard let key else { preconditionFailure("EVP_PKEY_generate failed") }
    return key
}

private func makeCertificate(
    _ contents: TestCertificate.Contents,
    _ key: OpaquePointer,
    _ issuer: OpaquePointer?
) -> OpaquePointer {
    guard let certificate = X509_new() else { preconditionFailure("X509_new failed") }
    X509_set_version(certificate, 2)
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), UInt64.random(in: 1...UInt64(Int64.max)))
    X509_gmtime_adj(X509_getm_notBefore(certificate), contents.validFrom)
    X509_gmtime_adj(X509_getm_notAfter(certificate), contents.validUntil)
    X509_set_pubkey(certificate, key)
    let subject = X509_get_subject_name(certificate)
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_FLAG | 1, contents.commonName, -1, -1, 0)
    for unit in contents.units {
        X509_NAME_add_entry_by_txt(subject, "OU", MBSTRING_FLAG | 1, unit, -1, -1, 0)
    }
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer ?? certificate))
    addExtension(certificate, NID_basic_constraints, contents.isAuthority ? "critical,CA:TRUE" : "CA:FALSE")
    if contents.isAuthority {
        addExtension(certificate, NID_key_usage, "critical,keyCertSign,cRLSign")
    } else if !contents.names.isEmpty {
        addExtension(certificate, NID_subject_alt_name, contents.names.joined(separator: ","))
    }
    return certificate
}

private func addExtension(_ certificate: OpaquePointer, _ number: Int32, _ value: String) {
    let made = X509V3_EXT_conf_nid(nil, nil, number, value)
    precondition(X509_add_ext(certificate, made, -1) == 1, "extension \(value) could not be added")
    X509_EXTENSION_free(made)
}
