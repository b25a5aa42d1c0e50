// SPDX-License-Identifier: Apache-2.0

package import HTTPClient
package import OCIProfile

/// Where each service is.
package enum Endpoints: Sendable, Equatable {
    /// At the public endpoints of a region.
    case region(Region)
    /// Below one URL, whatever the service: an emulator, a gateway, or a tunnel.
    case base(Location)

    /// An origin and a path there.
    package struct Location: Sendable, Equatable {
        /// Scheme, host and port.
        package let origin: HTTPOrigin
        /// Empty, or a path that begins with a slash, perhaps with a query.
        package let target: String

        var url: String { "\(origin)\(target)" }

        /// What lies below the location.
        func appending(_ path: String) -> Location { Location(origin: origin, target: target + path) }
    }

    /// One base URL for every service; nil if it is no such URL.
    package init?(baseURL: String) {
        guard let (origin, path) = HTTPOrigin.parse(baseURL) else { return nil }
        var basePath = path
        while basePath.hasSuffix("/") { basePath.removeLast() }
        self = .base(Location(origin: origin, target: basePath))
    }

    /// Where one service is.
    package func location(of service: CloudService) -> Location {
        switch self {
        case .region(let region):
            Location(origin: HTTPOrigin(scheme: .https, host: region.host(of: service)), target: "")
        case .base(let location): location
        }
    }
}
