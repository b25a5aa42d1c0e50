// SPDX-License-Identifier: Apache-2.0

package import EventLoop
internal import JSON

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
        id = try object.identifier("id")
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
        id = try object.identifier("id")
        name = try object.string("name")
        statements = object.texts("statements")
        freeformTags = try object.stringMap("freeformTags")
    }
}

/// Client of Identity: reads as calls, changes as requests to be sent, to the home region, or shown.
@LoopActor
package struct Identity: ServiceClient {
    let calls: ServiceCalls
    let scope = "tenancy"
    private let tenancyID: String

    /// The identities of a tenancy.
    package init(calls: ServiceCalls, tenancyID: String) {
        self.calls = calls
        self.tenancyID = tenancyID
    }

    /// Returns the tenancy itself.
    package func tenancy(deadline: Deadline) async throws(OCIError) -> Tenancy {
        try await calls.object(request(.getTenancy, ["tenancies", tenancyID]), deadline, Tenancy.init)
    }

    /// Returns a compartment, nil if there is none that may be seen.
    package func compartment(_ id: String, deadline: Deadline) async throws(OCIError) -> Compartment? {
        let request = request(.getCompartment, ["compartments", id])
        return try await calls.objectIfPresent(request, deadline, Compartment.init)
    }

    /// Returns the names of the groups that a user is in.
    package func groupNames(ofUser userID: String, deadline: Deadline) async throws(OCIError) -> [String] {
        let query: ServiceRequest.Query = ["compartmentId": tenancyID, "userId": userID]
        let memberships = request(.listUserGroupMemberships, ["userGroupMemberships"], query: query)
        let ids = try await calls.items(memberships, deadline) { item throws(JSONError) in
            try item.string("groupId")
        }
        var names: [String] = []
        for id in ids {
            let group = request(.getGroup, ["groups", id])
            names.append(
                try await calls.object(group, deadline) { item throws(JSONError) in try item.string("name") }
            )
        }
        return names.sorted()
    }

    /// Returns the dynamic group of this name, nil if there is none.
    package func dynamicGroup(_ name: String, deadline: Deadline) async throws(OCIError) -> DynamicGroup? {
        let query: ServiceRequest.Query = ["compartmentId": tenancyID, "name": name]
        let request = request(.listDynamicGroups, ["dynamicGroups"], query: query)
        return try await calls.items(request, deadline, DynamicGroup.init).first { $0.name == name }
    }

    /// The request that creates a dynamic group.
    package func dynamicGroupCreation(
        of name: String,
        matchingRule: String,
        description: String,
        tags: [(String, String)]
    ) -> ServiceRequest {
        let body = JSON.object(present: [
            ("compartmentId", .string(tenancyID)), ("name", .string(name)),
            ("matchingRule", .string(matchingRule)), ("description", .string(description)),
            ("freeformTags", .strings(tags)),
        ])
        return request(.createDynamicGroup, ["dynamicGroups"], body: .json(body))
    }

    /// The request that changes a dynamic group's rule.
    package func dynamicGroupChange(of id: String, matchingRule: String) -> ServiceRequest {
        let body = JSON.strings([("matchingRule", matchingRule)])
        return request(.updateDynamicGroup, ["dynamicGroups", id], body: .json(body))
    }

    /// The request that deletes a dynamic group.
    package func dynamicGroupDeletion(of id: String) -> ServiceRequest {
        request(.deleteDynamicGroup, ["dynamicGroups", id])
    }

    /// Returns the policy of this name in a compartment, nil if there is none.
    package func policy(
        _ name: String,
        in compartmentID: String,
        deadline: Deadline
    ) async throws(OCIError) -> Policy? {
        let query: ServiceRequest.Query = ["compartmentId": compartmentID, "name": name]
        let request = request(.listPolicies, ["policies"], query: query)
        return try await calls.items(request, deadline, Policy.init).first { $0.name == name }
    }

    /// The request that creates a policy.
    package func policyCreation(
        of name: String,
        in compartmentID: String,
        statements: [String],
        description: String,
        tags: [(String, String)]
    ) -> ServiceRequest {
        let body = JSON.object(present: [
            ("compartmentId", .string(compartmentID)), ("name", .string(name)),
            ("statements", .array(statements.map { .string($0) })), ("description", .string(description)),
            ("freeformTags", .strings(tags)),
        ])
        return request(.createPolicy, ["policies"], body: .json(body))
    }

    /// The request that changes a policy's statements.
    package func policyChange(of id: String, statements: [String]) -> ServiceRequest {
        let body = JSON.object(present: [("statements", .array(statements.map { .string($0) }))])
        return request(.updatePolicy, ["policies", id], body: .json(body))
    }

    /// The request that deletes a policy.
    package func policyDeletion(of id: String) -> ServiceRequest { request(.deletePolicy, ["policies", id]) }
}
