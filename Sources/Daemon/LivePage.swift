// SPDX-License-Identifier: Apache-2.0
//
// The page for people at the root of the status address.
//
// Rule: names and texts on it are strangers': of tasks, of managers, of what OCI and containers say.
// Consequence: it is one file without a request to anywhere but its own server; its script and style are named to the browser by
// their digests, so that nothing else is carried out there, and the script sets text, never markup.
// Rejected: files of their own for script and style, which 'self' would allow: then whatever this server answers, a text of a
// stranger in it too, could be loaded as a script.

internal import Encodings
internal import Transport

/// The page as it is built into the program.
enum LivePage {
    static let page = StatusPage(
        status: 200,
        text: text,
        contentType: "text/html; charset=utf-8",
        fields: [
            ("Content-Security-Policy", policy(of: text)), ("Referrer-Policy", "no-referrer"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
        ]
    )

    private static let text = String(decoding: PackageResources.live_page_html, as: UTF8.self)

    /// What a browser may do on the page (Content Security Policy Level 3): run its own script, and ask its own server.
    static func policy(of text: String) -> String {
        let parts = [
            "default-src 'none'", "script-src \(source("script", in: text))",
            "style-src \(source("style", in: text))",
            "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
        ]
        return parts.joined(separator: "; ")
    }

    /// The digest of what is between the lines that begin and end that element, in the words of the policy.
    private static func source(_ element: String, in text: String) -> String {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard let start = lines.firstIndex(of: "<\(element)>"),
            let end = lines.firstIndex(of: "</\(element)>"), start < end
        else { return "'none'" }
        let content = "\n" + lines[(start + 1)..<end].map { $0 + "\n" }.joined()
        return "'sha256-\(Base64.encode(DigestAlgorithm.sha256.digest(Array(content.utf8))))'"
    }
}
