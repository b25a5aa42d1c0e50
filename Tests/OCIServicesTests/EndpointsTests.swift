// SPDX-License-Identifier: Apache-2.0

import OCIProfile
import OCIServices
import Testing

@Suite struct EndpointsTests {
    private func urls(_ endpoints: Endpoints) -> [String] {
        CloudService.allCases.map { service in
            let location = endpoints.location(of: service)
            return "\(location.origin)\(location.target)"
        }
    }

    @Test func `each service has its host in a region`() {
        let region = Region.resolve("iad")
        #expect(
            urls(Endpoints.region(region)) == CloudService.allCases.map { "https://\(region.host(of: $0))" }
        )
    }

    @Test(arguments: [
        ("https://127.0.0.1:8443", "https://127.0.0.1:8443"),
        ("http://localhost/", "http://localhost"),
        ("https://[::1]:8443/oci/", "https://[::1]:8443/oci"),
    ])
    func `one base URL serves all`(text: String, expected: String) throws {
        let endpoints = try #require(Endpoints(baseURL: text))
        #expect(urls(endpoints) == Array(repeating: expected, count: CloudService.allCases.count))
    }

    @Test(arguments: [
        "", "localhost:8443", "ftp://localhost", "https://", "https://user@host", "https://host?x=1",
    ])
    func `what is no base URL is refused`(text: String) {
        #expect(Endpoints(baseURL: text) == nil)
    }
}
