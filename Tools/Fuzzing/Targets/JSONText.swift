// SPDX-License-Identifier: Apache-2.0

import JSON

/// Reads the input as JSON, asks every question about it that answers of a service are asked, and stops the process
/// when what is written does not read back as it was.
enum JSONTextFuzz {
    static func feed(_ input: [UInt8]) {
        guard let value = try? JSON.read(input) else { return }
        let written = value.encoded()
        guard let again = try? JSON.read(written) else {
            fatalError("what was written cannot be read: \(written)")
        }
        insist(again == value, "written \(value), read \(again)")
        if let object = try? JSONObject(value) { question(object, depthLeft: 4) }
    }
}

private func question(_ object: JSONObject, depthLeft: Int) {
    for name in ["id", "code", "items", "a", ""] {
        _ = try? object.stringIfPresent(name)
        _ = try? object.string(name)
        _ = try? object.integerIfPresent(name)
        _ = try? object.numberIfPresent(name)
        _ = try? object.stringMap(name)
        guard depthLeft > 0 else { continue }
        if let inner = try? object.objectIfPresent(name) { question(inner, depthLeft: depthLeft - 1) }
        for inner in (try? object.objectsIfPresent(name)) ?? [] { question(inner, depthLeft: depthLeft - 1) }
    }
}
