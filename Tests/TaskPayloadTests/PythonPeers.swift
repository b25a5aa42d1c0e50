// SPDX-License-Identifier: Apache-2.0
import Compression
import Encodings
import Foundation
import TestSupport
import Testing

@testable import TaskPayload

/// A real Python on both ends of a task: the client's side, and Scaler's own job runner in an image of our making.
///
/// `SCALER_TEST_PYTHON` names an interpreter that has Scaler and cloudpickle; without it these tests are skipped.
struct PythonPeers {
    /// What the image holds beside the standard library.
    enum Image: CaseIterable {
        /// Nothing but cloudpickle, as in a small image.
        case bare
        /// Scaler and tblib too, as in an image made from a worker's.
        case withScaler
    }

    /// What a user of the client would see.
    struct Seen: Decodable {
        var value: JSONValue?
        var type: String?
        var text: String?
        var report: String?
        var isOwnClass: Bool?
        var printed: [String]?
        var detail: [String: Int]?
        var moduleName: String?
    }

    enum JSONValue: Decodable, Equatable {
        case number(Int)
        case text(String)
        case other

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let number = try? container.decode(Int.self) {
                self = .number(number)
            } else {
                self = (try? container.decode(String.self)).map { .text($0) } ?? .other
            }
        }
    }

    static let interpreter = ProcessInfo.processInfo.environment["SCALER_TEST_PYTHON"]
    static let skipReason: Comment = "SCALER_TEST_PYTHON names no Python with opengris-scaler and cloudpickle"

    private struct Parts: Decodable {
        let serializer: String
        let function: String
        let arguments: [String]
    }

    let directory: URL
    let image: Image

    init(image: Image) throws {
        self.image = image
        directory = FileManager.default.temporaryDirectory.appending(
            component: "payload-\(UUID().uuidString)"
        )
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    }

    func remove() {
        try? FileManager.default.removeItem(at: directory)
    }

    /// Takes one case of `client.py` from the client to the runner and back.
    func roundTrip(_ testCase: String) throws -> Seen {
        let client = try PythonProcess(arguments: [Self.script("client"), testCase])
        let parts = try JSONDecoder().decode(Parts.self, from: try client.readLine())
        // `!?i?`: no profiling, priority 0, and the output wanted by the cases that are about it.
        let flags: [UInt8] = [0, 0, 0, 0, 0, testCase.hasPrefix("speak") ? 1 : 0]
        let pickle = try run(parts, flags: flags)
        let (kind, output, range) =
            switch try TaskOutcome.parse(pickle) {
            case .result(_, let output, let range): ("result", output, range)
            case .exception(_, let output, let range): ("exception", output, range)
            case .containerError(let error): throw Unexpected(text: error.clientText)
            }
        let hex = Hexadecimal.encode(Array(pickle[range]))
        try client.write(line: #"{"kind": "\#(kind)", "payload": "\#(hex)"}"#)
        var seen = try JSONDecoder().decode(Seen.self, from: try client.readLine())
        try client.finish()
        seen.printed = PrintedPiece.find(in: pickle[output]).map { ($0.isError ? "2 " : "1 ") + $0.text }
        return seen
    }

    struct Unexpected: Error {
        let text: String
    }

    /// Runs a payload as the container does and returns the decompressed result.
    func run(payload: [UInt8]) throws -> [UInt8] {
        let taskID: [UInt8] = [0xDE, 0xAD]
        let isCompressed = payload.count > RunnerEnvironment.compressionThresholdBytes
        let packed = isCompressed ? Gzip.compress(payload) : payload
        let isInline = packed.count <= RunnerEnvironment.inlineBytesMax
        let name = "p/o/inputs/dead.pkl\(isCompressed ? ".gz" : "")"
        let environment = RunnerEnvironment(
            taskID: taskID,
            namespace: "space",
            bucket: "bucket",
            prefix: "p/o",
            payload: isInline
                ? .inline(packed, isCompressed: isCompressed)
                : .object(name: name, isCompressed: isCompressed)
        )
        if !isInline { try Data(packed).write(to: object(name)) }
        let variables = Dictionary(uniqueKeysWithValues: environment.variables.map { ($0.name, $0.value) })
        let runner = try PythonProcess(
            arguments: (image == .bare ? ["-S"] : []) + [
                Self.script("run_upstream_runner"), Self.upstreamRunner.get(), directory.path,
            ],
            environment: variables.merging(try imageEnvironment()) { $1 }
        )
        runner.waitUntilExit()
        let result = try Data(
            contentsOf: object(RunnerEnvironment.resultObjectName(prefix: "p/o", taskID: taskID))
        )
        #expect(!FileManager.default.fileExists(atPath: object("p/o/inputs/dead.pkl.gz").path))
        let bytes = [UInt8](result)
        return bytes.starts(with: Gzip.magic) ? try Gzip.decompress(bytes, limit: 1 << 30) : bytes
    }

    private func run(_ parts: Parts, flags: [UInt8]) throws -> [UInt8] {
        let serializer = try bytes(parts.serializer)
        let function = try bytes(parts.function)
        let arguments = try parts.arguments.map(bytes)
        let plan = PayloadPlan(
            taskID: [0xDE, 0xAD],
            context: PayloadPlan.Context(
                flags: flags,
                schedulerAddress: "tcp://127.0.0.1:1",
                storageAddress: "tcp://127.0.0.1:2",
                backend: "zmq"
            ),
            serializer: serializer,
            functionByteCount: function.count,
            argumentByteCounts: arguments.map(\.count)
        )
        let payload = plan.assemble(serializer: serializer, function: function, arguments: arguments)
        return try run(payload: payload)
    }

    private func bytes(_ hex: String) throws -> [UInt8] {
        try #require(Hexadecimal.decode(hex))
    }

    private func object(_ name: String) -> URL {
        directory.appending(component: name.replacingOccurrences(of: "/", with: "%2F"))
    }

    /// For the bare image: a directory with cloudpickle alone in place of all installed packages.
    private func imageEnvironment() throws -> [String: String] {
        guard image == .bare else { return [:] }
        let modules = directory.appending(component: "modules")
        if !FileManager.default.fileExists(atPath: modules.path) {
            try FileManager.default.createDirectory(at: modules, withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(
                atPath: modules.appending(component: "cloudpickle").path,
                withDestinationPath: try Self.cloudpickle.get()
            )
        }
        return ["PYTHONPATH": modules.path]
    }

    private static func script(_ name: String) -> String {
        Bundle.module.path(forResource: "Python/\(name)", ofType: "py") ?? name
    }

    private static let cloudpickle = Result {
        try evaluate("os.path.dirname(importlib.util.find_spec('cloudpickle').origin)")
    }

    private static let upstreamRunner = Result {
        let package = try evaluate("os.path.dirname(importlib.util.find_spec('scaler').origin)")
        return package + "/worker_manager/proxy/oci/remote/job_runner.py"
    }

    private static func evaluate(_ expression: String) throws -> String {
        let process = try PythonProcess(arguments: ["-c", "import importlib.util, os; print(\(expression))"])
        let line = try process.readLine()
        try process.finish()
        return String(decoding: line, as: UTF8.self)
    }
}

/// One Python process with lines on its standard input and output.
final class PythonProcess {
    /// One start at a time: a process that is started at the same moment as another inherits the descriptor by which the
    /// other's end is noticed, and keeps it.
    private static let starting = NSLock()

    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private var unread = Data()

    init(arguments: [String], environment: [String: String] = [:]) throws {
        process.executableURL = URL(fileURLWithPath: try #require(PythonPeers.interpreter))
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try Self.starting.withLock { try process.run() }
    }

    func readLine() throws -> Data {
        while !unread.contains(10) {
            let more = output.fileHandleForReading.availableData
            guard !more.isEmpty else { throw PythonPeers.Unexpected(text: "Python ended without an answer") }
            unread += more
        }
        let line = unread.prefix { $0 != 10 }
        unread = Data(unread.dropFirst(line.count + 1))
        return line
    }

    func write(line: String) throws {
        try input.fileHandleForWriting.write(contentsOf: Data((line + "\n").utf8))
    }

    func waitUntilExit() {
        _ = try? output.fileHandleForReading.readToEnd()
        process.waitUntilExit()
    }

    func finish() throws {
        waitUntilExit()
        #expect(process.terminationStatus == 0)
    }
}
