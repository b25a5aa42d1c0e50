// SPDX-License-Identifier: Apache-2.0

import Encodings
import Transport

/// Keys and certificates are read or refused; what is read can be used.
///
/// The first byte of the input chooses between a text as it is and the body of a block, which gets the fuzzer
/// past base64 and into DER.
enum PEMFuzz {
    static func feed(_ input: [UInt8]) {
        let labels = ["PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "CERTIFICATE"]
        let body = Array(input.dropFirst())
        var text = body
        if let choice = input.first, Int(choice) < labels.count {
            text = block(labels[Int(choice)], body)
        }
        if let key = try? RSAKey(pem: text, passphrase: Array("secret".utf8)), key.sign(body).isEmpty {
            fatalError("an empty signature")
        }
        if let certificate = try? Certificate(pem: text, source: "input"), certificate.der.isEmpty {
            fatalError("an empty certificate")
        }
    }
}

/// `bytes` as a PEM block with that label.
private func block(_ label: String, _ bytes: [UInt8]) -> [UInt8] {
    var lines = "-----BEGIN \(label)-----\n"
    for start in stride(from: 0, to: bytes.count, by: 48) {
        lines += Base64.encode(Array(bytes[start..<min(start + 48, bytes.count)])) + "\n"
    }
    return Array((lines + "-----END \(label)-----\n").utf8)
}
