// SPDX-License-Identifier: Apache-2.0

internal import Encodings
internal import JSON
package import OCIServices

/// A request as the cloud has received it.
package struct CloudRequest: Sendable {
    struct Head {
        let method: String
        let target: Substring
        let fields: [String: String]

        init(_ text: String) {
            let lines = text.split(separator: "\r\n")
            let words = (lines.first ?? "").split(separator: " ")
            method = String(words.first ?? "")
            target = words.count > 1 ? words[1] : ""
            fields = Dictionary(
                lines.dropFirst().compactMap { line in
                    guard let colon = line.firstIndex(of: ":") else { return nil }
                    let value = line[line.index(after: colon)...].drop { $0 == " " }
                    return (line[..<colon].lowercased(), String(value))
                },
                uniquingKeysWith: { $1 }
            )
        }
    }

    /// The call, under its name in the API reference.
    package let operation: Operation
    /// The id or the name in its path, empty for a listing or a create.
    package let resource: String
    /// The parameters after the path.
    package let query: [String: String]
    /// The header fields, their names in lower case.
    package let fields: [String: String]
    /// The body.
    package let body: [UInt8]

    /// Nil for a request of no operation that the cloud knows.
    init?(_ head: Head, _ body: [UInt8]) {
        let parts = head.target.split(separator: "?", maxSplits: 1)
        let path = (parts.first ?? "").split(separator: "/").map(Self.decoded)
        guard let (operation, resource) = Self.route(head.method, path) else { return nil }
        self.operation = operation
        self.resource = resource
        query = Dictionary(
            (parts.count > 1 ? parts[1] : "").split(separator: "&").map { pair in
                let sides = pair.split(separator: "=", maxSplits: 1)
                return (Self.decoded(sides[0]), sides.count > 1 ? Self.decoded(sides[1]) : "")
            },
            uniquingKeysWith: { $1 }
        )
        fields = head.fields
        self.body = body
    }

    private static func route(_ method: String, _ path: [String]) -> (Operation, resource: String)? {
        let isObjectStorage = path.first == "n"
        // Without `20210415`, or without `n/ns/b/b`.
        let rest = Array(path.dropFirst(isObjectStorage ? 4 : 1))
        switch (method, rest.first ?? "", rest.count) {
        case ("POST", "containerInstances", 1): return (.createContainerInstance, "")
        case ("GET", "containerInstances", 1): return (.listContainerInstances, "")
        case ("GET", "containerInstances", 2): return (.getContainerInstance, rest[1])
        case ("DELETE", "containerInstances", 2): return (.deleteContainerInstance, rest[1])
        case ("GET", "containers", 2): return (.getContainer, rest[1])
        case ("POST", "containers", 4): return (.retrieveLogs, rest[1])
        case ("GET", "workRequests", 3): return (.listWorkRequestErrors, rest[1])
        case ("GET", "containerInstanceShapes", 1): return (.listContainerInstanceShapes, "")
        case ("GET", "subnets", 2): return (.getSubnet, rest[1])
        case ("GET", "o", 1): return (.listObjects, "")
        case ("GET", "o", 2): return (.getObject, rest[1])
        case ("PUT", "o", 2): return (.putObject, rest[1])
        case ("DELETE", "o", 2): return (.deleteObject, rest[1])
        case ("POST", "actions", 2): return (.batchDeleteObjects, "")
        default: return nil
        }
    }

    private static func decoded(_ text: Substring) -> String {
        PercentEncoding.decode(text).map { String(decoding: $0, as: UTF8.self) } ?? String(text)
    }
}

extension CloudRequest {
    /// The names of the objects that a batch is to delete, sorted.
    package var names: [String] {
        let objects = try? JSONObject(reading: body).objectsIfPresent("objects")
        return (objects ?? []).compactMap { try? $0.string("objectName") }.sorted()
    }
}
