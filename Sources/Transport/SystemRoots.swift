// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Where a system keeps the certificates of the authorities that it trusts.
///
/// OpenSSL looks below the prefix that it was built for and nowhere else, and the program carries an OpenSSL that was
/// built for Debian to every system.
enum SystemRoots: Equatable {
    /// What OpenSSL finds by itself: by its variables, or below its prefix.
    case openSSLDefault
    /// A folder in which each authority has a file that is named by its hash: only what is needed is read.
    case folder(String)
    /// One PEM file with all of them, which is read whole.
    case bundle(String)

    /// OpenSSL's own variables (SSL_CTX_load_verify_locations(3)): whoever sets one has chosen.
    private static let variables = ["SSL_CERT_FILE", "SSL_CERT_DIR"]

    /// The bundles of distributions, as Go's crypto/x509 (root_linux.go) has them.
    private static let bundles = [
        // Debian, Ubuntu
        debianBundle,
        // Oracle Linux, Fedora
        "/etc/pki/tls/certs/ca-bundle.crt",
        // Oracle Linux 10, where the one above has gone
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        // SUSE
        "/etc/ssl/ca-bundle.pem",
        // Alpine
        "/etc/ssl/cert.pem",
    ]
    private static let debianFolder = "/etc/ssl/certs"
    private static let debianBundle = "\(debianFolder)/ca-certificates.crt"

    /// What to trust on the system whose files begin at `root`: an empty text for this one, else a folder.
    static func find(environment: [String: String], root: String = "") -> SystemRoots {
        if variables.contains(where: { environment[$0] != nil }) { return .openSSLDefault }
        guard let bundle = bundles.first(where: { access(root + $0, R_OK) == 0 }) else {
            return .openSSLDefault
        }
        // A bundle of 140 authorities takes a megabyte of memory, of which a connection needs one.
        return bundle == debianBundle && hasHashedNames(root + debianFolder)
            ? .folder(root + debianFolder) : .bundle(root + bundle)
    }

    /// Whether update-ca-certificates(8) has filled the folder for OpenSSL; images of containers often have the bundle alone.
    private static func hasHashedNames(_ folder: String) -> Bool {
        guard let directory = opendir(folder) else { return false }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if isHashed(name) { return true }
        }
        return false
    }

    /// Whether it is 8 hexadecimal digits and `.0`, as X509_LOOKUP_hash_dir(3) has it.
    static func isHashed(_ name: [UInt8]) -> Bool {
        name.count == 10 && name.suffix(2) == [UInt8(ascii: "."), UInt8(ascii: "0")]
            && name.prefix(8).allSatisfy {
                UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || UInt8(ascii: "a")...UInt8(ascii: "f") ~= $0
            }
    }
}
