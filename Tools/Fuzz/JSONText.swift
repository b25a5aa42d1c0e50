// SPDX-License-Identifier: Apache-2.0
// sources: Sources/JSON/*.swift

/// Reads the input as JSON, asks every question about it that answers of a service are asked, and stops the process
/// when what is written does not read back as it was.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzJSONText(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let input = Array(UnsafeBufferPointer(start: start, count: count))
    guard let value = try? JSON.read(input) else { return 0 }
    let written = value.encoded()
    guard let again = try? JSON.read(written) else {
        preconditionFailure("what was written cannot be read: \(written)")
    }
    precondition(again == value, "written \(value), read \(again)")
    if let object = try? JSONObject(value) { question(object, depthLeft: 4) }
    return 0
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
