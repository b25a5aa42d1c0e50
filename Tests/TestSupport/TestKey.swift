// SPDX-License-Identifier: Apache-2.0

internal import COpenSSL

/// A private key made when asked for, in every form that people keep keys in.
package final class TestKey: Sendable {
    /// How a private key may be written.
    package enum Form: Sendable, CaseIterable {
        case pkcs1
        case pkcs1Encrypted
        case pkcs8
        case pkcs8Encrypted
    }

    private nonisolated(unsafe) let key: OpaquePointer

    /// Makes an RSA key; nil for `rsaBitCount` makes one on the curve P-256.
    package init(rsaBitCount: Int32? = 2048) {
        key = makeKey(rsaBitCount)
    }

    /// The private key in PEM form; `passphrase` counts for the encrypted forms.
    package func privatePEM(_ form: Form, passphrase: [UInt8] = []) -> [UInt8] {
        let length = Int32(passphrase.count)
        let secret = passphrase.map { CChar(bitPattern: $0) }
        let cipher = EVP_aes_256_cbc()
        return writtenText { output in
            switch form {
            case .pkcs1:
                PEM_write_bio_PrivateKey_traditional(output, key, nil, nil, 0, nil, nil)
            case .pkcs1Encrypted:
                PEM_write_bio_PrivateKey_traditional(output, key, cipher, passphrase, length, nil, nil)
            case .pkcs8:
                PEM_write_bio_PKCS8PrivateKey(output, key, nil, nil, 0, nil, nil)
            case .pkcs8Encrypted:
                PEM_write_bio_PKCS8PrivateKey(output, key, cipher, secret, length, nil, nil)
            }
        }
    }

    /// The public key in PEM form.
    package var publicPEM: [UInt8] {
        writtenText { PEM_write_bio_PUBKEY($0, key) }
    }

    /// Whether `signature` is this key's RSASSA-PKCS1-v1_5 signature over the SHA-256 of `message`.
    package func verifies(_ signature: [UInt8], of message: [UInt8]) -> Bool {
        let context = EVP_MD_CTX_new()
        defer {
            EVP_MD_CTX_free(context)
            ERR_clear_error()
        }
        EVP_DigestVerifyInit(context, nil, EVP_sha256(), nil, key)
        return EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
    }

    deinit {
        EVP_PKEY_free(key)
    }
}

/// The text that `write` puts into a buffer in memory.
func writtenText(_ write: (OpaquePointer?) -> Int32) -> [UInt8] {
    let memory = BIO_new(BIO_s_mem())
    defer { BIO_free(memory) }
    precondition(write(memory) == 1, "PEM could not be written")
    return [UInt8](unsafeUninitializedCapacity: BIO_ctrl_pending(memory)) { buffer, count in
        count = Int(BIO_read(memory, buffer.baseAddress, Int32(buffer.count)))
    }
}
