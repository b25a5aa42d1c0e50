// SPDX-License-Identifier: Apache-2.0

package import EventLoop
internal import JSON

/// A repository of the container registry (Artifacts API 20160918).
package struct ContainerRepository: Sendable, Equatable {
    /// Its OCID.
    package let id: String
    /// Its name, without registry and namespace; may hold slashes.
    package let displayName: String
    /// Whether anyone may pull from it.
    package let isPublic: Bool
    /// Images in it.
    package let imageCount: Int
    /// Its free-form tags.
    package let freeformTags: [String: String]

    init(_ object: JSONObject) throws(JSONError) {
        id = try object.identifier("id")
        displayName = try object.string("displayName")
        isPublic = object["isPublic"] == .bool(true)
        imageCount = try object.integerIfPresent("imageCount") ?? 0
        freeformTags = try object.stringMap("freeformTags")
    }
}

/// An image in a repository.
package struct ContainerImage: Sendable, Equatable {
    /// Its tag, if it has one.
    package let version: String?
    /// Its digest, `sha256:...`.
    package let digest: String

    init(_ object: JSONObject) throws(JSONError) {
        version = try object.stringIfPresent("version")
        digest = try object.stringIfPresent("digest") ?? ""
    }
}

/// Client of the container registry: reads as calls, changes as requests to be sent or shown.
@LoopActor
package struct ContainerRepositories: ServiceClient {
    let calls: ServiceCalls
    private let compartmentID: String

    /// The repositories of a compartment.
    package init(calls: ServiceCalls, compartmentID: String) {
        self.calls = calls
        self.compartmentID = compartmentID
    }

    /// Returns the repository of this name, nil if the compartment has none.
    package func find(_ name: String, deadline: Deadline) async throws(OCIError) -> ContainerRepository? {
        let query: ServiceRequest.Query = ["compartmentId": compartmentID, "displayName": name]
        let request = request(.listContainerRepositories, ["container", "repositories"], query: query)
        return try await calls.items(request, deadline, ContainerRepository.init)
            .first { $0.displayName == name }
    }

    /// The request that creates a private repository.
    package func creation(of name: String, tags: [(String, String)]) -> ServiceRequest {
        let body = JSON.object(present: [
            ("compartmentId", .string(compartmentID)), ("displayName", .string(name)),
            ("isPublic", .bool(false)), ("isImmutable", .bool(false)), ("freeformTags", .strings(tags)),
        ])
        return request(.createContainerRepository, ["container", "repositories"], body: .json(body))
    }

    /// The request that deletes a repository with its images.
    package func deletion(of id: String) -> ServiceRequest {
        request(.deleteContainerRepository, ["container", "repositories", id])
    }

    /// Returns the images of a repository.
    package func images(in name: String, deadline: Deadline) async throws(OCIError) -> [ContainerImage] {
        let query: ServiceRequest.Query = ["compartmentId": compartmentID, "repositoryName": name]
        let request = request(.listContainerImages, ["container", "images"], query: query)
        return try await calls.items(request, deadline, ContainerImage.init)
    }

    /// Returns a token that stands for the caller at the registry for some minutes, for the user name
    /// `BEARER_TOKEN`; the registry's Docker token endpoint, which takes a signed request in place of a password.
    package func loginToken(deadline: Deadline) async throws(OCIError) -> String {
        let request = request(.issueRegistryToken, ["docker", "token"])
        return try await calls.object(request, deadline) { object throws(JSONError) in
            try object.string("token")
        }
    }

    var scope: String { "compartment id \(compartmentID)" }
}
