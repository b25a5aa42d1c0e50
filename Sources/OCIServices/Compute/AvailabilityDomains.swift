// SPDX-License-Identifier: Apache-2.0

package import EventLoop
internal import JSON

/// The full names of a region's availability domains, such as `Uocm:US-ASHBURN-AD-1`.
///
/// People say `AD-1`. The part before the colon belongs to the tenancy, so only Identity knows it; it is asked once,
/// and only if someone used a short name.
@LoopActor
package final class AvailabilityDomains: ServiceClient {
    let calls: ServiceCalls
    let scope = "the tenancy"
    private let compartmentID: String
    private var names: [String]?

    /// The domains as a compartment (or the tenancy) sees them.
    package init(calls: ServiceCalls, compartmentID: String) {
        self.calls = calls
        self.compartmentID = compartmentID
    }

    /// Returns the full name for a full or a short one; a full one is taken as it is.
    package func resolve(_ name: String, deadline: Deadline) async throws(OCIError) -> String {
        if name.contains(":") { return name }
        let names = try await all(deadline: deadline)
        let wanted = name.uppercased()
        let found = names.first { full in
            let full = full.uppercased()
            return full.hasSuffix("-\(wanted)") || full.hasSuffix(":\(wanted)")
        }
        guard let found else { throw .unknownAvailabilityDomain(name, known: names) }
        return found
    }

    /// Returns the full names of all, in order: the service's changes from call to call.
    package func all(deadline: Deadline) async throws(OCIError) -> [String] {
        if let names { return names }
        let query: ServiceRequest.Query = ["compartmentId": compartmentID]
        let request = request(.listAvailabilityDomains, ["availabilityDomains"], query: query)
        let sorted = try await calls.items(request, deadline) { item throws(JSONError) in
            try item.string("name")
        }.sorted()
        names = sorted
        return sorted
    }
}
