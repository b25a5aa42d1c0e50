// SPDX-License-Identifier: Apache-2.0

internal import JSON

/// An object as a listing shows it.
package struct ObjectSummary: Sendable, Equatable {
    /// The full name.
    package let name: String
    /// Bytes stored, if that field was asked for.
    package let byteCount: Int?
    /// When it was created, if that field was asked for.
    package let timeCreated: Timestamp?

    init(_ object: JSONObject) throws(JSONError) {
        name = try object.string("name")
        byteCount = try object.integerIfPresent("size")
        timeCreated = try object.stringIfPresent("timeCreated").flatMap(Timestamp.init)
    }
}

/// One page of a listing, in the order of names.
package struct ObjectPage: Sendable, Equatable {
    /// The objects.
    package let objects: [ObjectSummary]
    /// The name at which the next page begins, nil on the last.
    package let nextStart: String?
    /// What could not be read.
    let passedOver: PassedOver

    /// The page in an answer to a request for at most `countMax` objects.
    init(_ answer: ServiceAnswer, countMax: Int) throws(OCIError) {
        var objects: [ObjectSummary] = []
        let (others, passedOver) = try answer.readItems(of: "objects", countMax: countMax) {
            item throws(JSONError) in
            objects.append(try ObjectSummary(item.object()))
        }
        self.objects = objects
        self.passedOver = passedOver
        nextStart = try answer.reading { () throws(JSONError) in try others.stringIfPresent("nextStartWith") }
    }
}

/// What a listing tells of each object beside its name; each costs the service time.
package enum ObjectField: String, Sendable, CaseIterable { case size, timeCreated }

/// An object that a batch delete did not delete.
package struct DeleteFailure: Sendable, Equatable {
    /// The object's name.
    package let name: String
    /// The HTTP status that a delete of its own would have had.
    package let status: Int
    /// What the service says.
    package let message: String
}

extension DeleteFailure {
    init(_ object: JSONObject) throws(JSONError) {
        name = try object.string("objectName")
        status = try object.integerIfPresent("statusCode") ?? 0
        message = try object.stringIfPresent("errorMessage") ?? ""
    }
}
