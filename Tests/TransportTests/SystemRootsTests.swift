// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Foundation
import TestSupport
import Testing

@testable import Transport

/// The trees of files of several systems, below a folder.
@Suite struct SystemRootsTests {
    private let root = FileManager.default.temporaryDirectory.appending(path: "roots-\(UUID().uuidString)")

    private func put(_ path: String, _ contents: [UInt8] = []) throws {
        let file = root.appending(path: path)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(),
            withIntermediateDirectories: true
        )
        try Data(contents).write(to: file)
    }

    private func found(_ environment: [String: String] = [:]) -> SystemRoots {
        SystemRoots.find(environment: environment, root: root.path)
    }

    private func remove() { try? FileManager.default.removeItem(at: root) }

    @Test(
        arguments: [
            "etc/ssl/certs/ca-certificates.crt", "etc/pki/tls/certs/ca-bundle.crt",
            "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "etc/ssl/ca-bundle.pem", "etc/ssl/cert.pem",
        ]
    )
    func `a distribution's bundle is found`(_ path: String) throws {
        defer { remove() }
        try put(path)
        #expect(found() == .bundle("\(root.path)/\(path)"))
    }

    @Test func `a folder of names by hash is taken in the place of Debian's bundle`() throws {
        defer { remove() }
        try put("etc/ssl/certs/ca-certificates.crt")
        try put("etc/ssl/certs/Some_Root.pem")
        #expect(found() == .bundle("\(root.path)/etc/ssl/certs/ca-certificates.crt"))
        try put("etc/ssl/certs/00f9a1bc.0")
        #expect(found() == .folder("\(root.path)/etc/ssl/certs"))
    }

    @Test func `a name by hash that somebody put beside Oracle Linux's bundle does not hide it`() throws {
        defer { remove() }
        try put("etc/pki/tls/certs/ca-bundle.crt")
        try put("etc/ssl/certs/00f9a1bc.0")
        #expect(found() == .bundle("\(root.path)/etc/pki/tls/certs/ca-bundle.crt"))
    }

    @Test(arguments: ["SSL_CERT_FILE", "SSL_CERT_DIR"])
    func `OpenSSL's own variables go first`(_ variable: String) throws {
        defer { remove() }
        try put("etc/ssl/certs/ca-certificates.crt")
        #expect(found([variable: "/some/where"]) == .openSSLDefault)
    }

    @Test func `without any bundle it is left to OpenSSL`() {
        #expect(found() == .openSSLDefault)
    }

    @Test(
        arguments: [
            ("00f9a1bc.0", true), ("00f9a1bc.1", false), ("00F9A1BC.0", false), ("00f9a1b.00", false),
            ("x", false),
        ]
    )
    func `a name by hash is eight digits and a number`(_ name: String, _ isHashed: Bool) {
        #expect(SystemRoots.isHashed(Array(name.utf8)) == isHashed)
    }

    @Test func `an authority of the bundle is believed and a bundle without one is refused`() async throws {
        defer { remove() }
        let authority = TestCertificate.authority()
        try put("etc/ssl/cert.pem", authority.certificatePEM)
        try put("etc/ssl/ca-bundle.pem", Array("nothing".utf8))
        let (good, bad) = (
            root.appending(path: "etc/ssl/cert.pem").path, root.appending(path: "etc/ssl/ca-bundle.pem").path
        )
        try await onLoop {
            // Of two authorities of one name OpenSSL may try the wrong one alone.
            let fixture = try TLSFixture.make(authority: authority, trusted: .authority("another authority"))
            await #expect(throws: TransportError.self) {
                _ = try await secureConnectedPair(fixture, host: "localhost")
            }
            try fixture.client.trustAuthorities(of: .bundle(good))
            _ = try await secureConnectedPair(fixture, host: "localhost")
            #expect(throws: TransportError.self) { try fixture.client.trustAuthorities(of: .bundle(bad)) }
        }
    }
}
