// SPDX-License-Identifier: Apache-2.0
import Encodings
import Foundation
import TaskPayload
import Testing

@Suite(.enabled(if: PythonPeers.interpreter != nil, PythonPeers.skipReason))
struct TrampolineTests {
    private func seen(_ testCase: String, _ image: PythonPeers.Image) throws -> PythonPeers.Seen {
        let peers = try PythonPeers(image: image)
        defer { peers.remove() }
        return try peers.roundTrip(testCase)
    }

    @Test(arguments: PythonPeers.Image.allCases)
    func `a task runs with the default serializer`(image: PythonPeers.Image) throws {
        #expect(try seen("add", image).value == .number(3))
    }

    @Test(arguments: PythonPeers.Image.allCases)
    func `a serializer from the client's script works, with or without Scaler in the image`(
        image: PythonPeers.Image
    ) throws {
        #expect(try seen("own-serializer", image).value == .number(3))
    }

    @Test func `the stand-in for Scaler is gone when the task runs`() throws {
        #expect(try seen("stand-in-leaves", .bare).value == .number(0))
    }

    @Test func `a payload too large for the environment goes by way of an object`() throws {
        #expect(try seen("large", .bare).value == .number(60_000))
    }

    @Test func `a value that looks like a runner's error is a value`() throws {
        #expect(try seen("lookalike", .bare).value == .other)
    }

    @Test(arguments: PythonPeers.Image.allCases)
    func `the client gets its own exception class with attributes and the container's traceback`(
        image: PythonPeers.Image
    ) throws {
        let seen = try seen("own-error", image)
        #expect(seen.isOwnClass == true)
        #expect(seen.text == "code 7")
        #expect(seen.detail == ["a": 1])
        let report = try #require(seen.report)
        #expect(report.contains("in raise_own"))
        #expect(!report.contains("trampoline"))
    }

    @Test(arguments: PythonPeers.Image.allCases)
    func `causes stay readable`(image: PythonPeers.Image) throws {
        let seen = try seen("cause", image)
        #expect(seen.type == "FileNotFoundError")
        #expect(seen.text == "[Errno 2] No such file or directory: 'f.txt'")
        let report = try #require(seen.report)
        #expect(report.contains("KeyError: 'missing key'"))
        #expect(report.contains("in raise_from_cause"))
    }

    @Test(arguments: PythonPeers.Image.allCases)
    func `an exception that cannot be pickled says what it was`(image: PythonPeers.Image) throws {
        let seen = try seen("lock-error", image)
        #expect(seen.type == "RuntimeError")
        let text = try #require(seen.text)
        #expect(
            text.hasPrefix("LockError: held\n(the exception could not be pickled: TypeError: cannot pickle")
        )
        #expect(text.contains("in raise_lock"))
        #expect(try self.seen("textless-error", image).type == "TextlessError")
    }

    @Test(arguments: PythonPeers.Image.allCases)
    func `a result that cannot be serialized says so`(image: PythonPeers.Image) throws {
        let seen = try seen("lock-result", image)
        #expect(seen.type == "TypeError")
        #expect(
            seen.text == "the task finished, but its result, a lock, could not be serialized: "
                + "TypeError: cannot pickle '_thread.lock' object"
        )
        #expect(
            try self.seen("own-serializer-no-bytes", image).text?.contains("made a str instead of bytes")
                == true
        )
    }

    @Test(arguments: PythonPeers.Image.allCases)
    func `what a task prints comes with its result, and with its failure`(image: PythonPeers.Image) throws {
        let seen = try seen("speak", image)
        #expect(seen.value == .number(3))
        #expect(seen.printed == ["1 out", "1 \n", "2 erré\n", "1 ?"])
        let failed = try self.seen("speak-then-fail", image)
        #expect(failed.type == "KeyError")
        #expect(failed.printed == ["1 out", "1 \n", "2 erré\n", "1 ?"])
    }

    @Test func `a task that nobody listens to has no output`() throws {
        #expect(try seen("add", .bare).printed == [])
    }

    @Test(arguments: PythonPeers.Image.allCases)
    func `a client made inside a task is told the addresses and the priority`(
        image: PythonPeers.Image
    ) throws {
        let known = try seen("surroundings", image).value
        switch image {
        case .bare: #expect(known == .text("no Scaler zmq"))
        case .withScaler: #expect(known == .text("tcp://127.0.0.1:1 tcp://127.0.0.1:2 0 zmq"))
        }
    }

    @Test func `what would end the client's process becomes an error`() throws {
        let left = try seen("exit", .bare)
        #expect(left.type == "RuntimeError")
        #expect(left.text?.hasPrefix("the task called sys.exit(3)") == true)
        let interrupted = try seen("interrupt", .bare)
        #expect(interrupted.type == "RuntimeError")
        #expect(interrupted.text == "the task ended with KeyboardInterrupt")
    }

    @Test func `a module missing in the image is named, with what to do`() throws {
        let atLoad = try seen("missing-at-load", .bare)
        #expect(atLoad.type == "ModuleNotFoundError")
        #expect(atLoad.moduleName == "only_the_client_has_this")
        #expect(
            atLoad.text?.contains("the task's function needs it and the container image does not") == true
        )
        let atRun = try seen("missing-at-run", .bare)
        #expect(atRun.type == "ModuleNotFoundError")
        #expect(atRun.moduleName == "a_module_nobody_has")
        #expect(atRun.report?.contains("in import_missing") == true)
    }

    @Test func `an argument that cannot be loaded is counted from one`() throws {
        let seen = try seen("bad-argument", .bare)
        #expect(seen.type == "ValueError")
        #expect(
            seen.text?.contains("argument 2 could not be loaded in the container, which has Python 3.")
                == true
        )
    }

    @Test func `a payload that does not load is the runner's own error`() throws {
        let peers = try PythonPeers(image: .bare)
        defer { peers.remove() }
        guard
            case .containerError(let error) = try TaskOutcome.parse(try peers.run(payload: [0x80, 4, 0x2E]))
        else {
            Issue.record("not the runner's error")
            return
        }
        #expect(error.traceback.contains("Traceback"))
    }

    @Test(arguments: FailurePickle.ExceptionName.allCases)
    func `Python loads every failure that the daemon writes`(name: FailurePickle.ExceptionName) throws {
        let text = "hé 中 😀 \u{0} \"q\" \\ " + String(repeating: "x", count: 300)
        let hex = Hexadecimal.encode(FailurePickle.encode(name, text))
        let program =
            "import pickle; e = pickle.loads(bytes.fromhex('\(hex)')); print(type(e).__name__, ascii(str(e)))"
        let process = try PythonProcess(arguments: ["-c", program])
        let line = String(decoding: try process.readLine(), as: UTF8.self)
        try process.finish()
        #expect(line.hasPrefix(#"\#(name.rawValue) 'h\xe9 \u4e2d \U0001f600 \x00 "q" \\ xx"#))
    }
}
