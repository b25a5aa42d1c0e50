// SPDX-License-Identifier: Apache-2.0

package import EventLoop
internal import HTTPWire
internal import JSON

/// Client of Container Instances, API version 20210415.
@LoopActor
package final class ContainerInstances: ServiceClient {
    /// The most that RetrieveLogs sends (256 KiB), and room for its envelope.
    private static let logBytesMax = 512 * 1024

    let calls: ServiceCalls
    let compartmentID: String

    /// A client that makes its calls through `calls`, on instances of one compartment.
    package init(calls: ServiceCalls, compartmentID: String) {
        self.calls = calls
        self.compartmentID = compartmentID
    }

    /// Launches an instance, or returns the one that the same `retryToken` has launched before; a caller that is
    /// cancelled still gets the answer of a request that is on its way: what was launched must be known to be deleted.
    package func create(
        _ launch: InstanceLaunch,
        retryToken: String,
        deadline: Deadline
    ) async throws(OCIError) -> ContainerInstance {
        var request = request(.createContainerInstance, ["containerInstances"], body: .json(launch.body))
        request.retryToken = retryToken
        request.isShielded = true
        return try await calls.call(request, deadline: deadline) { answer throws(OCIError) in
            var made = try answer.decode(ContainerInstance.init)
            made.workRequestID = answer.head.headers["opc-work-request-id"]
            made.age = made.timeCreated.flatMap { answer.age(of: $0) }
            return made
        }
    }

    /// Returns one instance, or nil if it is gone (or was never there, or is forbidden: the service tells them not
    /// apart).
    package func get(_ id: String, deadline: Deadline) async throws(OCIError) -> ContainerInstance? {
        let request = request(.getContainerInstance, ["containerInstances", id])
        return try await calls.objectIfPresent(request, deadline, ContainerInstance.init)
    }

    /// Asks for an instance to be deleted; a 409 IncorrectState, as while it is being made, is thrown and not
    /// retried here: whoever deletes has a beat of its own, and meanwhile others can be deleted.
    package func delete(_ id: String, deadline: Deadline) async throws(OCIError) -> DeleteOutcome {
        try await calls.callIfPresent(deletion(of: id), orForbidden: true, deadline: deadline) { _ in
            .accepted
        }
            ?? .alreadyGone
    }

    /// The request that `delete` makes.
    package func deletion(of id: String) -> ServiceRequest {
        var request = request(.deleteContainerInstance, ["containerInstances", id])
        request.isIncorrectStateRetried = false
        return request
    }

    /// Returns one container with its exit code, or nil if it is gone.
    package func container(_ id: String, deadline: Deadline) async throws(OCIError) -> Container? {
        try await calls.objectIfPresent(request(.getContainer, ["containers", id]), deadline, Container.init)
    }

    /// Returns the last `limit` bytes of what a container has written, at most 256 KiB; the service refuses with
    /// 409 once the container is inactive, and that is thrown at once.
    package func retrieveLogs(
        ofContainer id: String,
        limit: Int = 64 * 1024,
        deadline: Deadline
    ) async throws(OCIError) -> [UInt8] {
        var request = request(.retrieveLogs, ["containers", id, "actions", "retrieveLogs"], body: .empty)
        request.headers = ["accept": "text/plain, application/json"]
        request.isIncorrectStateRetried = false
        request.answerBytesMax = Self.logBytesMax
        return try await calls.call(request, deadline: deadline) { Array($0.body.suffix(limit)) }
    }

    /// Returns what went wrong in a work request, for example that of a create.
    package func workRequestErrors(
        _ id: String,
        deadline: Deadline
    ) async throws(OCIError) -> [WorkRequestError] {
        let request = request(.listWorkRequestErrors, ["workRequests", id, "errors"])
        return try await calls.callIfPresent(request, orForbidden: true, deadline: deadline) {
            answer throws(OCIError) in
            try answer.decodeItems(WorkRequestError.init)
        } ?? []
    }

    /// Returns the shapes that can be launched, in one availability domain or in all.
    package func shapes(
        availabilityDomain: String?,
        deadline: Deadline
    ) async throws(OCIError) -> [InstanceShape] {
        let query: ServiceRequest.Query = [
            "compartmentId": compartmentID, "availabilityDomain": availabilityDomain,
        ]
        let request = request(.listContainerInstanceShapes, ["containerInstanceShapes"], query: query)
        return try await calls.items(request, deadline, InstanceShape.init)
    }

    var scope: String { "compartment id \(compartmentID)" }
}

/// What a delete found.
package enum DeleteOutcome: Sendable, Equatable {
    /// It was there, and goes.
    case accepted
    /// Nothing of that name is there any more.
    case alreadyGone
}
