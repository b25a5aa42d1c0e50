// SPDX-License-Identifier: Apache-2.0
//
// OpenSSL reports through a queue of the thread, and SSL_get_error looks at that queue: an old entry left
// there turns a harmless would-block into a failure of the wrong connection. So the queue is cleared before
// each call that may report, and taken, whole, right after one that did.

internal import COpenSSL

/// What OpenSSL had in its queue.
struct OpenSSLError {
    /// The reason number of the first entry, where the trouble began, if the SSL library made it; else 0.
    let sslReason: Int32
    /// OpenSSL's words for the first entry.
    let text: String

    /// Takes everything out of the queue.
    static func take() -> OpenSSLError {
        let code = ERR_get_error()
        ERR_clear_error()
        let reason = ERR_reason_error_string(code).map { String(cString: $0) }
        return OpenSSLError(
            sslReason: copenssl_is_ssl_error(code) == 1 ? ERR_GET_REASON(code) : 0,
            text: reason ?? (code == 0 ? "no reason given" : "error \(code)")
        )
    }

    /// Empties the queue ahead of a call.
    static func clear() {
        ERR_clear_error()
    }
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
