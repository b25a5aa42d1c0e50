// SPDX-License-Identifier: Apache-2.0

internal import COpenSSL
internal import Encodings

/// What the daemon needs to know of an X.509 certificate (RFC 5280).
package struct Certificate: Sendable, Equatable {
    /// The certificate itself.
    package let der: [UInt8]
    /// The values of the attributes of its subject, in order.
    package let subjectValues: [String]
    /// The last moment of its validity, in seconds since 1970.
    package let notAfterEpochSeconds: Int64

    /// Reads the first certificate of a text in PEM form; `source` says in errors where it came from.
    package init(pem: [UInt8], source: String) throws(TransportError) {
        OpenSSLError.clear()
        let parsed = pem.withUnsafeBytes { bytes -> OpaquePointer? in
            let memory = expectOpenSSL(
                BIO_new_mem_buf(bytes.baseAddress, Int32(bytes.count)),
                "BIO_new_mem_buf"
            )
            defer { BIO_free(memory) }
            return PEM_read_bio_X509(memory, nil, nil, nil)
        }
        guard let parsed else {
            throw .malformedCertificate(source: source, reason: OpenSSLError.take().text)
        }
        defer { X509_free(parsed) }
        der = encoding(of: parsed)
        subjectValues = Transport.subjectValues(of: parsed)
        guard let notAfter = epochSeconds(X509_get0_notAfter(parsed)) else {
            throw .malformedCertificate(source: source, reason: "its notAfter is no time")
        }
        notAfterEpochSeconds = notAfter
    }

    /// The fingerprint as pairs of hex digits with colons between.
    package func fingerprint(_ algorithm: DigestAlgorithm, uppercase: Bool) -> String {
        let digits = Hexadecimal.encode(algorithm.digest(der), separator: ":")
        return uppercase ? digits.uppercased() : digits
    }

    /// The rest of the first value of the subject that begins with `prefix`, such as "opc-tenant:".
    package func subjectValue(after prefix: String) -> String? {
        subjectValues.first { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
    }

    /// The certificate as the body of a PEM block, without line breaks.
    package var base64Body: String {
        Base64.encode(der)
    }
}

private func encoding(of certificate: OpaquePointer) -> [UInt8] {
    let count = i2d_X509(certificate, nil)
    expectOpenSSL(count > 0, "i2d_X509")
    return [UInt8](unsafeUninitializedCapacity: Int(count)) { buffer, filled in
        var end = buffer.baseAddress
        filled = Int(i2d_X509(certificate, &end))
    }
}

private func subjectValues(of certificate: OpaquePointer) -> [String] {
    let subject = X509_get_subject_name(certificate)
    return (0..<X509_NAME_entry_count(subject)).compactMap { index in
        let value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index))
        var text: UnsafeMutablePointer<UInt8>?
        let count = ASN1_STRING_to_UTF8(&text, value)
        guard count >= 0, let text else {
            OpenSSLError.clear()
            return nil
        }
        defer { CRYPTO_free(text, "", 0) }
        return String(decoding: UnsafeBufferPointer(start: text, count: Int(count)), as: UTF8.self)
    }
}

private func epochSeconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64? {
    let epoch = ASN1_TIME_set(nil, 0)
    defer { ASN1_TIME_free(epoch) }
    var days: Int32 = 0
    var seconds: Int32 = 0
    guard ASN1_TIME_diff(&days, &seconds, epoch, time) == 1 else { return nil }
    return Int64(days) * 86_400 + Int64(seconds)
}
