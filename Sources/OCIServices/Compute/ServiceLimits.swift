// SPDX-License-Identifier: Apache-2.0

package import EventLoop
internal import JSON

/// A limit of the tenancy on what a service may be asked for (Limits API 20190729).
package struct ServiceLimit: Sendable, Equatable {
    /// Its name.
    package let name: String
    /// Whether each availability domain has its own.
    package let isPerAvailabilityDomain: Bool
}

extension ServiceLimit {
    init(_ object: JSONObject) throws(JSONError) {
        name = try object.string("name")
        isPerAvailabilityDomain = try object.stringIfPresent("scopeType") == "AD"
    }
}

/// Client of the Limits service for Container Instances; Oracle does not document the names of these limits, so they
/// are asked for.
@LoopActor
package struct ServiceLimits: ServiceClient {
    /// The service's name there, as scripts of others use it.
    private static let service = "container-instances"

    let calls: ServiceCalls
    let scope = "tenancy"
    private let tenancyID: String

    /// The limits of a tenancy.
    package init(calls: ServiceCalls, tenancyID: String) {
        self.calls = calls
        self.tenancyID = tenancyID
    }

    /// Returns the limits of Container Instances whose use can be asked for; none where the service is not known.
    package func all(deadline: Deadline) async throws(OCIError) -> [ServiceLimit] {
        let query: ServiceRequest.Query = ["compartmentId": tenancyID, "serviceName": Self.service]
        let request = request(.listLimitDefinitions, ["limitDefinitions"], query: query)
        return try await calls.items(request, deadline) { item throws(JSONError) in
            item["isResourceAvailabilitySupported"] == .bool(false) ? nil : try ServiceLimit(item)
        }.compactMap(\.self)
    }

    /// Returns how much of a limit is still free; nil where the service does not say.
    package func available(
        _ limit: ServiceLimit,
        availabilityDomain: String,
        deadline: Deadline
    ) async throws(OCIError) -> Int? {
        let request = request(
            .getResourceAvailability,
            ["services", Self.service, "limits", limit.name, "resourceAvailability"],
            query: [
                "compartmentId": tenancyID,
                "availabilityDomain": limit.isPerAvailabilityDomain ? availabilityDomain : nil,
            ]
        )
        return try await calls.objectIfPresent(request, deadline) { object throws(JSONError) in
            try object.integerIfPresent("available")
        } ?? nil
    }
}
