// SPDX-License-Identifier: Apache-2.0

internal import Encodings
internal import EventLoop
internal import JSON
package import OCIServices

/// An instance as the cloud remembers it.
package struct CloudInstance: Sendable {
    /// The OCID.
    package let id: String
    /// The state, of the instance and of its container.
    package var state: LifecycleState { didSet { updatedAt = Self.now } }
    /// The service's words on the state.
    package var details: String?
    /// The exit code of its container.
    package var exitCode: Int?
    /// The service's words on its container.
    package var containerDetails: String?
    /// What its container has written.
    package var output = ""
    /// What went wrong while it was made: code and message.
    package var creationErrors: [(code: String, message: String)] = []
    /// The free-form tags.
    package let tags: [String: String]
    /// The full name of the availability domain.
    package let availabilityDomain: String
    /// The name of the shape.
    package let shape: String
    /// The variables of its container.
    package let environment: [String: String]
    /// The OCID of its container.
    package var containerID: String { "\(id).container" }
    /// The OCID of the work request that made it.
    package var workRequestID: String { "\(id).work" }

    let launch: (token: String?, body: [UInt8])
    let createdAt: Int
    var updatedAt: Int

    /// Milliseconds since 1970.
    private static var now: Int { Int(LoopClock.epochNanoseconds / 1_000_000) }

    init(id: String, state: LifecycleState, tags: [String: String], age: Duration) {
        self.id = id
        self.state = state
        self.tags = tags
        availabilityDomain = "AD-1"
        shape = "CI.Standard.E4.Flex"
        environment = [:]
        launch = (nil, [])
        createdAt = Self.now - Int(age / .milliseconds(1))
        updatedAt = createdAt
    }

    init(id: String, state: LifecycleState, _ request: CloudRequest) throws(JSONError) {
        let body = try JSONObject(reading: request.body)
        self.id = id
        self.state = state
        tags = try body.stringMap("freeformTags")
        availabilityDomain = try body.string("availabilityDomain")
        shape = try body.string("shape")
        environment = try body.objects("containers").first?.stringMap("environmentVariables") ?? [:]
        launch = (request.fields["opc-retry-token"], request.body)
        createdAt = Self.now
        updatedAt = createdAt
    }

    var json: JSON {
        .object(present: [
            ("id", .string(id)), ("lifecycleState", .string(state.name)),
            ("lifecycleDetails", details.map { .string($0) }),
            ("timeCreated", .string(Self.text(createdAt))), ("timeUpdated", .string(Self.text(updatedAt))),
            ("freeformTags", .strings(tags.map { ($0.key, $0.value) })),
            ("availabilityDomain", .string(availabilityDomain)), ("shape", .string(shape)),
            ("containers", .array([.strings([("containerId", containerID)])])),
        ])
    }

    var containerJSON: JSON {
        .object(present: [
            ("id", .string(containerID)), ("lifecycleState", .string(state.name)),
            ("lifecycleDetails", containerDetails.map { .string($0) }),
            ("exitCode", exitCode.map { .integer(Int64($0)) }),
        ])
    }

    /// RFC 3339 from milliseconds since 1970, by way of `Sun, 06 Nov 1994 08:49:37 GMT`.
    private static func text(_ milliseconds: Int) -> String {
        let words = HTTPDate.format(secondsSinceEpoch: milliseconds / 1000).split(separator: " ")
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let month = (months.firstIndex { $0 == words[2] } ?? 0) + 101
        let fraction = milliseconds % 1000 + 1000
        return "\(words[3])-\("\(month)".dropFirst())-\(words[1])T\(words[4]).\("\(fraction)".dropFirst())Z"
    }
}
