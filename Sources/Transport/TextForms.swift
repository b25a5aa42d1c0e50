// SPDX-License-Identifier: Apache-2.0

internal import COpenSSL

/// `bytes` in base64 (RFC 4648 section 4) on one line.
package func base64(_ bytes: [UInt8]) -> String {
    let size = (bytes.count + 2) / 3 * 4
    // OpenSSL ends its answer with a zero.
    let text = [UInt8](unsafeUninitializedCapacity: size + 1) { buffer, filled in
        filled = Int(EVP_EncodeBlock(buffer.baseAddress, bytes, Int32(bytes.count)))
    }
    return String(decoding: text, as: UTF8.self)
}

/// `bytes` as pairs of hex digits with colons between, the form of fingerprints.
package func colonSeparatedHex(_ bytes: [UInt8], uppercase: Bool) -> String {
    bytes.map { byte in
        let digits = String(byte, radix: 16, uppercase: uppercase)
        return digits.count == 1 ? "0" + digits : digits
    }.joined(separator: ":")
}

/// The labels of the PEM blocks that begin in `text` (RFC 7468 section 2), such as "RSA PRIVATE KEY".
func pemLabels(_ text: [UInt8]) -> [String] {
    let marker = Array("-----BEGIN ".utf8)
    return text.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }.compactMap { line in
        guard line.starts(with: marker) else { return nil }
        let label = line.dropFirst(marker.count).prefix { $0 != UInt8(ascii: "-") }
        return String(decoding: label, as: UTF8.self)
    }
}
