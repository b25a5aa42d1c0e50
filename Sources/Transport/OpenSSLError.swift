// SPDX-License-Identifier: Apache-2.0
//
// OpenSSL reports through a queue of the thread, and SSL_get_error looks at that queue: an old entry left
// there turns a harmless would-block into a failure of the wrong connection. So the queue is cleared before
// each call that may report, and taken, whole, right after one that did.

internal import COpenSSL

/// What OpenSSL had in its queue.
struct OpenSSLError {
    /// The reason numbers of the entries made by the SSL library.
    let sslReasons: [Int32]
    /// OpenSSL's words for the first of those, else for the first entry, where the failure began.
    let text: String

    static func take() -> OpenSSLError {
        var codes: [UInt] = []
        while case let code = ERR_get_error(), code != 0 { codes.append(code) }
        let sslCodes = codes.filter { copenssl_is_ssl_error($0) == 1 }
        let code = sslCodes.first ?? codes.first ?? 0
        let words = ERR_reason_error_string(code).map { String(cString: $0) }
        return OpenSSLError(
            sslReasons: sslCodes.map { ERR_GET_REASON($0) },
            text: words ?? (code == 0 ? "no reason given" : "error \(code)")
        )
    }

    static func clear() { ERR_clear_error() }
}

/// For calls that fail only when memory is out or an argument of ours is wrong.
func expectOpenSSL(_ succeeded: Bool, _ call: StaticString) {
    if succeeded { return }
    preconditionFailure("\(call) failed: \(OpenSSLError.take().text)")
}

/// For constructors that fail only when memory is out.
func expectOpenSSL<Pointer>(_ pointer: Pointer?, _ call: StaticString) -> Pointer {
    guard let pointer else { preconditionFailure("\(call) failed: \(OpenSSLError.take().text)") }
    return pointer
}

/// Calls `body` with OpenSSL's reader of the bytes of `text`.
func withMemoryBIO<Value>(_ text: [UInt8], _ body: (OpaquePointer) -> Value) -> Value {
    text.withUnsafeBytes { bytes in
        let reader = expectOpenSSL(BIO_new_mem_buf(bytes.baseAddress, Int32(bytes.count)), "BIO_new_mem_buf")
        defer { BIO_free(reader) }
        return body(reader)
    }
}

/// The DER form that `encode`, one of OpenSSL's i2d functions, tells the length of and then writes.
func derEncoding(
    _ call: StaticString,
    _ encode: (UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?) -> Int32
) -> [UInt8] {
    let count = encode(nil)
    expectOpenSSL(count > 0, call)
    return [UInt8](unsafeUninitializedCapacity: Int(count)) { buffer, filled in
        var end = buffer.baseAddress
        filled = Int(encode(&end))
    }
}
