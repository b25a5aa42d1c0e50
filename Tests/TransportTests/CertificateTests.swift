// SPDX-License-Identifier: Apache-2.0

import EventLoop
import TestSupport
import Testing

@testable import Transport

@Suite struct CertificateTests {
    @Test func `a certificate tells its subject and its end`() throws {
        let made = TestCertificate {
            $0.units = ["opc-certtype:instance", "opc-tenant:ocid1.tenancy.oc1..aaaa"]
            $0.validUntil = 3600
        }
        let certificate = try Certificate(pem: made.certificatePEM, source: "leaf")
        #expect(certificate.subjectValue(after: "opc-tenant:") == "ocid1.tenancy.oc1..aaaa")
        #expect(certificate.subjectValue(after: "opc-identity:") == nil)
        #expect(certificate.subjectValues.first == "test")
    }

    @Test func `the body is the text between the marks`() throws {
        let pem = TestCertificate().certificatePEM
        let lines = String(decoding: pem, as: UTF8.self).split(separator: "\n")
        let certificate = try Certificate(pem: pem, source: "leaf")
        #expect(certificate.base64Body == lines.dropFirst().dropLast().joined())
    }

    @Test(arguments: ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
    func `what is no certificate is told with its source`(_ text: String) {
        let error = #expect(throws: TransportError.self) {
            try Certificate(pem: Array(text.utf8), source: "leaf")
        }
        guard case .malformedCertificate("leaf", _)? = error else {
            Issue.record("unexpected \(String(describing: error))")
            return
        }
    }
}
