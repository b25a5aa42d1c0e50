// SPDX-License-Identifier: Apache-2.0

internal import COpenSSL
internal import Encodings

/// Why a server's certificate was refused.
package enum CertificateProblem: Sendable, Equatable, CustomStringConvertible {
    /// Its last day, or that of a certificate above it, has passed.
    case expired
    /// Its first day has not come; often this machine's clock is wrong.
    case notYetValid
    case wrongHost
    case selfSigned
    case unknownAuthority
    /// Its key or the digest of its signature is too weak.
    case tooWeak
    /// Anything else, in OpenSSL's words.
    case other(String)

    package var description: String {
        switch self {
        case .expired: "expired"
        case .notYetValid: "not yet valid (is this machine's clock right?)"
        case .wrongHost: "issued for another host"
        case .selfSigned: "self-signed"
        case .unknownAuthority: "issued by an unknown authority"
        case .tooWeak: "key or signature too weak"
        case .other(let reason): reason
        }
    }
}

/// What the daemon needs to know of an X.509 certificate (RFC 5280).
package struct Certificate: Sendable, Equatable {
    /// The certificate itself.
    package let der: [UInt8]
    /// The values of the attributes of its subject, in order.
    let subjectValues: [String]

    /// Reads the first certificate of a text in PEM form; `source` says in errors where it came from.
    package init(pem: [UInt8], source: String) throws(TransportError) {
        OpenSSLError.clear()
        guard let parsed = withMemoryBIO(pem, { PEM_read_bio_X509($0, nil, nil, nil) }) else {
            throw .malformedCertificate(source: source, reason: OpenSSLError.take().text)
        }
        defer { X509_free(parsed) }
        der = derEncoding("i2d_X509") { i2d_X509(parsed, $0) }
        subjectValues = Transport.subjectValues(of: parsed)
    }

    /// The rest of the first value of the subject that begins with `prefix`, such as "opc-tenant:".
    package func subjectValue(after prefix: String) -> String? {
        subjectValues.first { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
    }

    /// The certificate as the body of a PEM block, without line breaks.
    package var base64Body: String { Base64.encode(der) }
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
