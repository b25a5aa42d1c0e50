// SPDX-License-Identifier: Apache-2.0

package import HTTPClient
package import OCIProfile

/// Where each service is.
package struct Endpoints: Sendable, Equatable {
    /// An origin and what comes before every path there.
    package struct Location: Sendable, Equatable {
        /// Scheme, host and port.
        package let origin: HTTPOrigin
        /// Empty, or a path without a slash at its end.
        package let basePath: String
    }

    private let locations: [CloudService: Location]

    /// The public endpoints of a region.
    package init(region: Region) {
        locations = Self.table { service in
            Location(origin: HTTPOrigin(scheme: .https, host: region.host(of: service)), basePath: "")
        }
    }

    /// One base URL for every service: an emulator, a gateway, or a tunnel.
    ///
    /// Nil if it is no such URL.
    package init?(baseURL: String) {
        guard let (origin, path) = HTTPOrigin.parse(baseURL) else { return nil }
        var basePath = path
        while basePath.hasSuffix("/") { basePath.removeLast() }
        let location = Location(origin: origin, basePath: basePath)
        locations = Self.table { _ in location }
    }

    /// Where one service is.
    package func location(of service: CloudService) -> Location {
        guard let location = locations[service] else { preconditionFailure("no endpoint for \(service)") }
        return location
    }

    private static func table(_ location: (CloudService) -> Location) -> [CloudService: Location] {
        Dictionary(uniqueKeysWithValues: CloudService.allCases.map { ($0, location($0)) })
    }
}
