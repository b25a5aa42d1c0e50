// SPDX-License-Identifier: Apache-2.0

internal import Encodings
package import EventLoop
internal import JSON
internal import OCIProfile

/// A tenancy as GetTenancy shows it (Identity API 20160918).
package struct Tenancy: Sendable, Equatable {
    /// Its name.
    package let name: String
    /// Short code of the region where changes to IAM must be made, in lower case, such as `iad`.
    package let homeRegionKey: String

    init(_ object: JSONObject) throws(JSONError) {
        name = try object.stringIfPresent("name") ?? ""
        homeRegionKey = try object.string("homeRegionKey").lowercased()
    }
}

/// A compartment.
package struct Compartment: Sendable, Equatable {
    /// Its name, unique among its siblings only.
    package let name: String
    /// `ACTIVE` unless it cannot be used.
    package let lifecycleState: String

    init(_ object: JSONObject) throws(JSONError) {
        name = try object.stringIfPresent("name") ?? ""
        lifecycleState = try object.stringIfPresent("lifecycleState") ?? "ACTIVE"
    }
}

/// A dynamic group: the resources that its rule matches may act as members of it.
package struct DynamicGroup: Sendable, Equatable {
    /// Its OCID.
    package let id: String
    /// Its name, unique in the tenancy.
    package let name: String
    /// What its members are.
    package let matchingRule: String
    /// Its free-form tags.
    package let freeformTags: [String: String]

    init(_ object: JSONObject) throws(JSONError) {
        id = try object.string("id")
        name = try object.string("name")
        matchingRule = try object.stringIfPresent("matchingRule") ?? ""
        freeformTags = try object.stringMap("freeformTags")
    }
}

/// A policy: statements of who may do what.
package struct Policy: Sendable, Equatable {
    /// Its OCID.
    package let id: String
    /// Its name, unique in its compartment.
    package let name: String
    /// Its statements, in order.
    package let statements: [String]
    /// Its free-form tags.
    package let freeformTags: [String: String]

    init(_ object: JSONObject) throws(JSONError) {
        id = try object.string("id")
        name = try object.string("name")
        statements = object.texts("statements")
        freeformTags = try object.stringMap("freeformTags")
    }
}

/// Client of Identity: reads as calls, changes as requests to be sent, to the home region, or shown.
@LoopActor
package struct Identity {
    private let calls: ServiceCalls
    private let tenancyID: String

    /// The identities of a tenancy.
    package init(calls: ServiceCalls, tenancyID: String) {
        self.calls = calls
        self.tenancyID = tenancyID
    }

    /// Returns the tenancy itself.
    package func tenancy(deadline: Deadline) async throws(OCIError) -> Tenancy {
        let request = request(.getTenancy, "GET", "/tenancies/\(PercentEncoding.encode(tenancyID))")
        return try await calls.object(request, deadline: deadline, Tenancy.init)
    }

    /// Returns a compartment, nil if there is none that may be seen.
    package func compartment(_ id: String, deadline: Deadline) async throws(OCIError) -> Compartment? {
        let request = request(.getCompartment, "GET", "/compartments/\(PercentEncoding.encode(id))")
        return try await calls.objectIfPresent(
            request,
            absence: .certainOrForbidden,
            deadline: deadline,
            Compartment.init
        )
    }

    /// Returns the names of the groups that a user is in.
    package func groupNames(ofUser userID: String, deadline: Deadline) async throws(OCIError) -> [String] {
        var memberships = request(.listUserGroupMemberships, "GET", "/userGroupMemberships")
        memberships.query = [("compartmentId", tenancyID), ("userId", userID)]
        let ids = try await calls.itemsOfAllPages(memberships, deadline: deadline) { item throws(JSONError) in
            try item.string("groupId")
        }
        var names: [String] = []
        for id in ids {
            let group = request(.getGroup, "GET", "/groups/\(PercentEncoding.encode(id))")
            names.append(
                try await calls.object(group, deadline: deadline) { object throws(JSONError) in
                    try object.string("name")
                }
            )
        }
        return names.sorted()
    }

    /// Returns the dynamic group of this name, nil if there is none.
    package func dynamicGroup(_ name: String, deadline: Deadline) async throws(OCIError) -> DynamicGroup? {
        var request = request(.listDynamicGroups, "GET", "/dynamicGroups")
        request.query = [("compartmentId", tenancyID), ("name", name)]
        return try await calls.itemsOfAllPages(request, deadline: deadline, DynamicGroup.init)
            .first { $0.name == name }
    }

    /// The request that creates a dynamic group.
    package func dynamicGroupCreation(
        of name: String,
        matchingRule: String,
        description: String,
        tags: [(String, String)]
    ) -> ServiceRequest {
        var request = request(.createDynamicGroup, "POST", "/dynamicGroups")
        request.body = .json(
            .object(present: [
                ("compartmentId", .string(tenancyID)), ("name", .string(name)),
                ("matchingRule", .string(matchingRule)), ("description", .string(description)),
                ("freeformTags", .strings(tags)),
            ])
        )
        return request
    }

    /// The request that changes a dynamic group's rule.
    package func dynamicGroupChange(of id: String, matchingRule: String) -> ServiceRequest {
        var request = request(.updateDynamicGroup, "PUT", "/dynamicGroups/\(PercentEncoding.encode(id))")
        request.body = .json(.strings([("matchingRule", matchingRule)]))
        return request
    }

    /// The request that deletes a dynamic group.
    package func dynamicGroupDeletion(of id: String) -> ServiceRequest {
        request(.deleteDynamicGroup, "DELETE", "/dynamicGroups/\(PercentEncoding.encode(id))")
    }

    /// Returns the policy of this name in a compartment, nil if there is none.
    package func policy(
        _ name: String,
        in compartmentID: String,
        deadline: Deadline
    ) async throws(OCIError) -> Policy? {
        var request = request(.listPolicies, "GET", "/policies")
        request.query = [("compartmentId", compartmentID), ("name", name)]
        return try await calls.itemsOfAllPages(request, deadline: deadline, Policy.init)
            .first { $0.name == name }
    }

    /// The request that creates a policy.
    package func policyCreation(
        of name: String,
        in compartmentID: String,
        statements: [String],
        description: String,
        tags: [(String, String)]
    ) -> ServiceRequest {
        var request = request(.createPolicy, "POST", "/policies")
        request.body = .json(
            .object(present: [
                ("compartmentId", .string(compartmentID)), ("name", .string(name)),
                ("statements", .array(statements.map { .string($0) })), ("description", .string(description)),
                ("freeformTags", .strings(tags)),
            ])
        )
        return request
    }

    /// The request that changes a policy's statements.
    package func policyChange(of id: String, statements: [String]) -> ServiceRequest {
        var request = request(.updatePolicy, "PUT", "/policies/\(PercentEncoding.encode(id))")
        request.body = .json(.object(present: [("statements", .array(statements.map { .string($0) }))]))
        return request
    }

    /// The request that deletes a policy.
    package func policyDeletion(of id: String) -> ServiceRequest {
        request(.deletePolicy, "DELETE", "/policies/\(PercentEncoding.encode(id))")
    }

    private func request(_ operation: Operation, _ method: String, _ path: String) -> ServiceRequest {
        ServiceRequest(operation, method, path, scope: "tenancy")
    }
}
