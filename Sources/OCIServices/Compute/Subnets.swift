// SPDX-License-Identifier: Apache-2.0

package import EventLoop
internal import JSON

/// A subnet as GetSubnet shows it (Core API 20160918).
package struct Subnet: Sendable, Equatable {
    /// Its display name.
    package let displayName: String
    /// `AVAILABLE` unless it cannot be used.
    package let lifecycleState: String
    /// The one availability domain whose instances it takes; nil for a regional subnet, which takes all.
    package let availabilityDomain: String?

    init(_ object: JSONObject) throws(JSONError) {
        displayName = try object.stringIfPresent("displayName") ?? ""
        lifecycleState = try object.stringIfPresent("lifecycleState") ?? "AVAILABLE"
        availabilityDomain = try object.stringIfPresent("availabilityDomain")
    }

    /// Reads a subnet, nil if there is none that may be seen.
    @LoopActor
    package static func find(
        _ id: String,
        calls: ServiceCalls,
        deadline: Deadline
    ) async throws(OCIError) -> Subnet? {
        let request = ServiceRequest(.getSubnet, ["subnets", id], scope: "the subnet's compartment")
        return try await calls.objectIfPresent(request, deadline, Subnet.init)
    }
}
