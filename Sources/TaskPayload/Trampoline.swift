// SPDX-License-Identifier: Apache-2.0

internal import Encodings

/// The Python source that runs a task inside the container, and how its outcome begins.
enum Trampoline {
    /// The text of `trampoline.py`, compiled into the program.
    static let source = PackageResources.trampoline_py
    /// What tracebacks would call the source; the trampoline hides its own frames by it.
    static let fileName = "<scaler-oci-hpc trampoline>"
    /// The function that the job runner calls.
    static let entryPoint = "run"

    /// First bytes of an outcome: they tell it from a value that some other payload returned.
    static let mark = Array("SOH1".utf8)
    static let resultKind = UInt8(ascii: "R")
    static let exceptionKind = UInt8(ascii: "E")
    /// The same two kinds with what the task printed between head and payload.
    static let resultWithOutputKind = UInt8(ascii: "r")
    static let exceptionWithOutputKind = UInt8(ascii: "e")
    /// The length of the output, before it.
    static let outputLengthBytes = 4
    /// The mark, one byte for the kind, and the profile; the client's bytes follow.
    static let headBytes = mark.count + 1 + ProfileResult.byteCount
}
