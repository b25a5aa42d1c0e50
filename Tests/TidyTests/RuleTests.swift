// SPDX-License-Identifier: Apache-2.0

import Testing

/// Each rule catches a breach that is planted here, and lets its clean twin pass.
@Suite struct RuleTests {
    private static let examples = formExamples + wordExamples + structureExamples

    @Test(arguments: examples)
    func `a planted breach is caught`(_ example: Example) {
        #expect(example.rule.breaches(in: example.breach) != [])
    }

    @Test(arguments: examples)
    func `the clean twin passes`(_ example: Example) {
        #expect(example.rule.breaches(in: example.clean) == [])
    }

    @Test func `every rule has an example`() {
        #expect(Set(Self.examples.map(\.rule.name)) == Set(Rule.all.map(\.name)))
    }

    // MARK: - Form

    private static let formExamples: [Example] =
        [
            Example(
                .licence,
                "a licence in the fifth line",
                at: "Tools/planted.py",
                breach: "\n\n\n\n# SPDX-License-Identifier: Apache-2.0",
                clean: "#!/usr/bin/env python3\n# SPDX-License-Identifier: Apache-2.0"
            ),
            Example(.fileLength, "501 lines", breach: lines(501), clean: lines(500)),
            Example(
                .fileLength,
                "a source whose name holds `est`",
                at: "Sources/HTTPClient/HTTPRequest.swift",
                breach: lines(501),
                clean: lines(500)
            ),
            Example(
                .fileLength,
                "a test of 601 lines",
                at: "Tests/JSONTests/Planted.swift",
                breach: lines(601),
                clean: lines(600)
            ),
        ] + bodyExamples + documentationExamples + [
            Example(
                .noDumpingGround,
                "a file of utilities",
                breach: ["Sources/JSON/JSONUtilities.swift": ""],
                clean: ["Sources/JSON/JSONReader.swift": ""]
            ),
            Example(
                .noDumpingGround,
                "a folder of helpers",
                breach: ["Tests/Helpers/Clock.swift": ""],
                clean: ["Tests/TestSupport/Clock.swift": ""]
            ),
            Example(
                .noDumpingGround,
                "a manager",
                breach: ["Sources/Tasks/TaskManager.swift": ""],
                clean: ["Sources/SchedulerMessages/WorkerManagerMessages.swift": ""]
            ),
            Example(.shortFiles(known: []), "24 lines", breach: lines(24), clean: lines(25)),
            Example(
                .shortFiles(known: ["Planted.swift"]),
                "a known file that has grown",
                breach: lines(25),
                clean: lines(24)
            ),
            Example(
                .shortFiles(known: ["Planted.swift"]),
                "a known file that is gone",
                breach: [:],
                clean: ["Sources/Transport/Planted.swift": lines(3)]
            ),
        ]

    private static let bodyExamples: [Example] =
        [
            ("func work() {", "}"), ("init(_ value: Int) {", "}"), ("init?(_ value: Int) throws {", "}"),
            ("package convenience init<T>(_ value: T) {", "}"), ("deinit {", "}"),
            ("subscript(index: Int) -> Int {", "}"), ("var count: Int {", "}"), ("get {", "}"),
            ("didSet {", "}"),
            ("@LoopActor package static func == (left: Self, right: Self) -> Bool {", "}"),
            ("private let handler: @Sendable () -> Void = {", "}"), ("static let table: [Int] = {", "}()"),
            ("private func send(\n        _ bytes: [UInt8]\n    ) async throws(HTTPError) {", "}"),
        ].map { head, end in
            // A head of several lines counts as they are.
            let headLines = head.count { $0 == "\n" }
            return Example(
                .bodyLength,
                head,
                breach: "struct Planted {\n"
                    + block(head, lineCount: 71 - headLines, end: end, indentation: 4) + "\n}",
                clean: "struct Planted {\n" + block(head, lineCount: 70 - headLines, end: end, indentation: 4)
                    + "\n}"
            )
        } + [
            Example(
                .bodyLength,
                "a requirement above a long type is not the type",
                breach: "protocol A {\n    func a()\n}\n" + block("func b() {", lineCount: 71),
                clean: "protocol A {\n    func a()\n}\nstruct B {\n" + lines(80, of: "    let a = 1") + "\n}"
            ),
            Example(
                .bodyLength,
                "text in a literal is no function",
                breach: block("func b() {", lineCount: 71, indentation: 4),
                clean: "let text = \"\"\"\n" + block("func b() {", lineCount: 71, indentation: 4)
                    + "\n    \"\"\""
            ),
        ]

    private static let documentationExamples: [Example] =
        [
            ("a function of an extension", "extension A {", "    package func a() {}"),
            ("an initialiser", "struct A {", "    package init() {}"),
            ("a property", "struct A {", "    package private(set) var a = 1"),
            (
                "a declaration after an attribute on its line", "enum A {",
                "    @LoopActor package static var a = 1"
            ),
            (
                "a declaration under an attribute", "enum A {",
                "    @discardableResult\n    package func a() -> Int { 1 }"
            ),
            ("a requirement", "/// Says.\npackage protocol A {", "    func a()"),
            ("modifiers before the access level", "class A {", "    final package func a() {}"),
            ("a type in a type", "enum A {", "    package indirect enum B { case a }"),
        ].map { what, head, member in
            Example(
                .documentation,
                what,
                breach: "\(head)\n\(member)\n}",
                clean: "\(head)\n    /// Says.\n\(member)\n}"
            )
        } + [
            Example(
                .documentation,
                "what a protocol demands is documented there, and nothing else is",
                breach:
                    "/// A.\npackage protocol A {\n    /// B.\n    func b()\n}\nextension C: A {\n    package func bb() {}\n}",
                clean:
                    "/// A.\npackage protocol A {\n    /// B.\n    func b()\n}\nextension C: A {\n    package func b() {}\n}"
            )
        ]

    // MARK: - Words

    private static let pure = "Sources/JSON/Planted.swift"

    private static let wordExamples: [Example] =
        [
            ("internal import Glibc", "internal import Encodings"),
            ("import Foundation", "// import Foundation"),
            ("import struct Foundation.Data", "let words = \"import Foundation\""),
            ("import CZlib", "import CapnProto"),
            ("func read() async {}", "func read() {}"), ("await read()", "// what we await"),
            ("let bytes = unsafe pointer.pointee", "let isUnsafe = true"),
            ("@_silgen_name(\"a\") func a()", "func a()"),
        ].map { breach, clean in
            Example(.pureModules, breach, at: pure, breach: breach, clean: clean)
        } + [
            Example(
                .pureModules,
                "Configuration is pure",
                at: "Sources/Configuration/Planted.swift",
                breach: "internal import Glibc",
                clean: ""
            )
        ]
        + [
            ("let end = Deadline.now + wait", "let end = now + wait"), ("since: .now)", "since: now)"),
            ("let a = clock.now", "let a = look.now + wait"),
            ("let a = [.now]", "let a = looks[0].now"),
            ("\"\\(Deadline.now)\"", "\"Deadline.now\""),
            ("clock_gettime(CLOCK_MONOTONIC, &time)", "// clock_gettime"),
            ("var random = SystemRandomNumberGenerator()", "var random: any RandomNumberGenerator"),
            ("let a = Double.random(in: 0..<1)", "let a = Double.random(in: 0..<1, using: &random)"),
            ("list.shuffled()", "list.shuffled(using: &random)"),
            ("let a = list.randomElement()", "let a = list.randomElement(\n    using: &random\n)"),
        ].map { breach, clean in
            Example(.noClockNoChance(known: []), breach, at: pure, breach: breach, clean: clean)
        } + [
            Example(
                .noClockNoChance(known: ["Planted.swift"]),
                "a known file that asks no more",
                at: pure,
                breach: "let a = now",
                clean: "let a = Deadline.now"
            )
        ]
        + [
            ("await withCheckedContinuation { $0.resume() }", "// a continuation"),
            ("Task { work() }", "spawn { work() }"),
            ("let task = Task(priority: .high) { work() }", "let task = TaskID(bytes)"),
            ("Task.detached { work() }", "Task.isCancelled"),
            ("final class Mine: SerialExecutor {", "final class Mine {"),
            ("DispatchQueue.main.async {}", "let queue = TicketQueue()"),
            ("func enqueue(_ job: UnownedJob) {", "func enqueue() {"),
        ].map { breach, clean in
            Example(.executors, breach, breach: breach, clean: clean)
        } + [
            Example(
                .executors,
                "the event loop may",
                breach: ["Sources/Tasks/A.swift": "Task { work() }"],
                clean: ["Sources/EventLoop/Spawn.swift": "Task { work() }"]
            ),
            Example(
                .cellar,
                "zlib upstairs",
                breach: ["Sources/Tasks/A.swift": "internal import CZlib"],
                clean: ["Sources/Compression/A.swift": "internal import CZlib"]
            ),
        ]
        + ["public struct A {}", "    public init() {}", "open class A {}", "@inlinable func a() {}"].map {
            breach in
            Example(
                .nothingPublic,
                breach,
                breach: breach,
                clean: "// it is public\npackage struct A {}\nopen(path)"
            )
        }
        + ["FIX" + "ME", "TO" + "DO", "XX" + "X"].map { mark in
            Example(
                .nothingLeftForLater,
                mark,
                breach: "work()  // \(mark): more",
                clean: "let a = \"\(mark)\""
            )
        } + [
            Example(
                .nothingLeftForLater,
                "in Python",
                at: "Tools/planted.py",
                breach: "a = 1  # TO" + "DO: more",
                clean: "a = 1"
            ),
            Example(
                .noFoundation,
                "Foundation",
                breach: "import Foundation",
                clean: "internal import EventLoop"
            ),
            Example(
                .noFoundation,
                "its essentials, within their access level",
                breach: "internal import FoundationEssentials",
                clean: "// import Foundation"
            ),
            Example(
                .noFoundation,
                "one type of it",
                breach: "import struct Foundation.Date",
                clean: "let a = \"import Foundation\""
            ),
            Example(
                .privateWords(known: []),
                "in a name",
                breach: "let " + "leftovers = 1",
                clean: "let orphans = 1"
            ),
            Example(
                .privateWords(known: []),
                "in a comment",
                breach: "/// It is " + "doomed.",
                clean: "let a = \"" + "doomed\""
            ),
            Example(
                .privateWords(known: ["Planted.swift"]),
                "a known file without such a word",
                breach: "let orphans = 1",
                clean: "let " + "leftovers = 1"
            ),
        ]

    // MARK: - Structure

    private static let map = [Module("Upper", ["Lower"]), Module("Lower", [], isPure: true)]
    private static let upper = ["Sources/Upper/A.swift": "internal import Lower"]
    private static let lower = ["Sources/Lower/A.swift": ""]
    private static let grants =
        "        module(\"Upper\", [\"Lower\"]),\n        module(\"Lower\", [], pure),"

    private static func tree(_ manifest: String, _ sources: [String: String]...) -> [String: String] {
        sources.reduce(into: ["Package.swift": manifest]) { $0.merge($1) { $1 } }
    }

    private static let structureExamples: [Example] = [
        Example(.arrows(map), "an arrow up", breach: ["Sources/Lower/A.swift": "import Upper"], clean: upper),
        Example(.arrows(map), "an unknown module", breach: ["Sources/New/A.swift": ""], clean: lower),
        Example(
            .arrows(map),
            "the system in a pure module",
            breach: ["Sources/Lower/A.swift": "internal import Glibc"],
            clean: ["Sources/Upper/A.swift": "internal import Glibc"]
        ),
        Example(
            .manifest(map),
            "a grant against the map",
            breach: tree(
                grants.replacing("[], pure", with: "[\"Upper\"]"),
                upper,
                ["Sources/Lower/A.swift": "import Upper"]
            ),
            clean: tree(grants, upper, lower)
        ),
        Example(
            .manifest(map),
            "a grant that nobody uses",
            breach: tree(grants, ["Sources/Upper/A.swift": ""], lower),
            clean: tree(grants, upper, lower)
        ),
        Example(
            .manifest(map),
            "a module that the map does not know",
            breach: tree(grants + "\n        module(\"New\", []),", upper, lower),
            clean: tree(grants, upper, lower)
        ),
        Example(
            .manifest(map),
            "a row without a module",
            breach: tree("        module(\"Lower\", [], pure),", lower),
            clean: tree(grants, upper, lower)
        ),
        Example(
            .manifest(map.reversed()),
            "a row above what it serves",
            breach: tree(grants, upper, lower),
            clean: [:]
        ),
        Example(
            .oneTypeOneName(known: []),
            "two at the top",
            breach: [
                "Sources/A/A.swift": "package struct Origin {\n}", "Sources/B/B.swift": "enum Origin {\n}",
            ],
            clean: [
                "Sources/A/A.swift": "package struct Origin {\n}",
                "Sources/B/B.swift": "private enum Origin {\n}",
            ]
        ),
        Example(
            .oneTypeOneName(known: []),
            "two in types of one name",
            breach: [
                "Sources/A/A.swift": "extension C {\n    struct Row {\n    }\n}",
                "Sources/B/B.swift": "extension C {\n    enum Row {\n    }\n}",
            ],
            clean: [
                "Sources/A/A.swift": "struct C {\n    struct Row {\n    }\n}",
                "Sources/B/B.swift": "struct D {\n    struct Row {\n    }\n}",
            ]
        ),
        Example(
            .twins(known: [], through: [:]),
            "a decision without a test",
            breach: [
                "Sources/JSON/Planted.swift":
                    "struct Planted {\n    func a() {\n        if b { c() }\n    }\n}"
            ],
            clean: [
                "Sources/JSON/Planted.swift":
                    "struct Planted {\n    func a() {\n        if b { c() }\n    }\n}",
                "Tests/JSONTests/PlantedTests.swift": "#expect(Planted().a() == 1)",
            ]
        ),
        Example(
            .twins(known: [], through: [:]),
            "a test that speaks of it only in a comment",
            breach: [
                "Sources/JSON/Planted.swift": "func a() {\n    guard b else { return }\n}",
                "Tests/JSONTests/OtherTests.swift": "// Planted",
            ],
            clean: ["Sources/JSON/Planted.swift": "struct Planted {\n    let a = 1\n}"]
        ),
        Example(
            .twins(known: ["Planted.swift"], through: [:]),
            "a known file that is gone",
            breach: [:],
            clean: ["Sources/JSON/Planted.swift": "func a() {\n    if b { c() }\n}"]
        ),
        Example(
            .twins(known: [], through: ["Planted.swift": "Planter"]),
            "a part whose whole is tested by nothing",
            breach: ["Sources/JSON/Planted.swift": "func a() {\n    if b { c() }\n}"],
            clean: [
                "Sources/JSON/Planted.swift": "func a() {\n    if b { c() }\n}",
                "Tests/JSONTests/PlanterTests.swift": "Planter()",
            ]
        ),
        Example(
            .twins(known: [], through: ["Planted.swift": "Planter"]),
            "a part that has a test of its own",
            breach: [
                "Sources/JSON/Planted.swift": "func a() {\n    if b { c() }\n}",
                "Tests/JSONTests/PlantedTests.swift": "Planter(Planted())",
            ],
            clean: [
                "Sources/JSON/Planted.swift": "func a() {\n    if b { c() }\n}",
                "Tests/JSONTests/PlanterTests.swift": "Planter()",
            ]
        ),
        Example(
            .oneTypeOneName(known: ["Origin"]),
            "a known name that one type alone has",
            breach: ["Sources/A/A.swift": "struct Origin {\n}"],
            clean: ["Sources/A/A.swift": "struct Origin {\n}", "Sources/B/B.swift": "enum Origin {\n}"]
        ),
    ]
}
