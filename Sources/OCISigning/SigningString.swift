// SPDX-License-Identifier: Apache-2.0

internal import Encodings

/// Why a request cannot be signed; none is worth a retry.
package enum OCISigningError: Error, Equatable, Sendable {
    /// The service defines no signature for this method.
    case unsupportedMethod(String)
    /// The value of this header or parameter holds a character that would begin another one.
    case illegalCharacter(in: String)
}

/// The text that a request's signature covers (OCI "Request Signatures", after draft-cavage-http-signatures-08).
///
/// One line `name: value` for each signed header, in the order in which the Authorization header lists them, without a
/// newline at the end. Which headers these are is not a choice: a missing one is answered with 401. And the request
/// must be sent exactly as it was signed, so what is signed comes back as `fields`, to be sent as it is.
package struct SigningString: Equatable, Sendable {
    /// What a signature says of a body.
    package struct Body: Equatable, Sendable {
        /// Length in bytes.
        package let byteCount: Int
        /// The Content-Type exactly as it is sent.
        package let contentType: String
        /// Base64 of the SHA-256 of the body.
        package let sha256: String

        /// Describes a body that has been hashed elsewhere.
        package init(byteCount: Int, contentType: String, sha256: String) {
            self.byteCount = byteCount
            self.contentType = contentType
            self.sha256 = sha256
        }

        /// A body of no bytes: POST and PUT sign it like any other.
        package static let empty = Body(
            byteCount: 0,
            contentType: "application/json",
            sha256: "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
        )
    }

    /// Which headers are signed.
    package enum Coverage: Equatable, Sendable {
        /// GET, HEAD, DELETE; and PutObject and UploadPart, whose bodies may be too large to read twice.
        case head
        /// POST, PUT, PATCH.
        case headAndBody(Body)
        /// The federation request of an instance principal, `POST /v1/x509`, which leaves out the host.
        case federation(Body)
    }

    /// The signed headers as they must be sent, `(request-target)` left out: `date`, `host` and those of the body;
    /// the federation request sends a host too, unsigned and not in this list.
    package let fields: [(name: String, value: String)]
    /// The names of everything signed, in order, as the Authorization header lists them.
    package let headerNames: [String]
    /// The text itself.
    package let text: String

    /// The text as the bytes to be signed.
    package var bytes: [UInt8] { Array(text.utf8) }

    /// Builds the text for a request.
    ///
    /// `target` is path and query exactly as on the request line, `host` as in the Host header (with the port
    /// unless it is the default one), `date` as `HTTPDate` formats it.
    package init(
        method: String,
        target: String,
        host: String,
        date: String,
        coverage: Coverage
    ) throws(OCISigningError) {
        guard let isBodySigned = Self.methods[method] else { throw .unsupportedMethod(method) }
        var lines = [("date", date), ("(request-target)", "\(method.lowercased()) \(target)")]
        switch coverage {
        case .head: lines.append(("host", host))
        case .headAndBody(let body):
            // The service refuses a GET with a signed body as it refuses a POST without one: our bug either way.
            precondition(isBodySigned, "a signed body on \(method)")
            lines += [("host", host)] + body.lines
        case .federation(let body):
            precondition(method == "POST", "federation is a POST")
            lines += body.lines
        }
        for (name, value) in lines {
            // A line break would add a header of the caller's choice to the text, and to the request.
            guard value.isPrintable else { throw .illegalCharacter(in: name) }
        }
        fields = lines.filter { $0.0 != "(request-target)" }.map { (name: $0.0, value: $0.1) }
        headerNames = lines.map(\.0)
        text = lines.map { "\($0.0): \($0.1)" }.joined(separator: "\n")
    }

    package static func == (left: SigningString, right: SigningString) -> Bool { left.text == right.text }

    /// The methods that can be signed, and whether they sign a body.
    private static let methods = [
        "GET": false, "HEAD": false, "DELETE": false, "POST": true, "PUT": true, "PATCH": true,
    ]
}

extension SigningString.Body {
    fileprivate var lines: [(String, String)] {
        [("content-length", String(byteCount)), ("content-type", contentType), ("x-content-sha256", sha256)]
    }
}
