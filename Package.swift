// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

/// Every target obeys the same rules; what these cannot say is in Tests/TidyTests.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

/// Modules without C, clock, Foundation or async: bytes and values in, values and bytes out.
let pure: [SwiftSetting] = strict + [.strictMemorySafety()]

/// For what a test drives through so many events that a debug build would take minutes.
let optimized: [SwiftSetting] = [.unsafeFlags(["-O"], .when(configuration: .debug))]

func module(
    _ name: String,
    _ dependencies: [Target.Dependency] = [],
    _ settings: [SwiftSetting] = strict,
    resources: [Resource] = []
) -> Target {
    .target(name: name, dependencies: dependencies, resources: resources, swiftSettings: settings)
}

func tests(
    _ name: String,
    _ dependencies: [Target.Dependency],
    _ settings: [SwiftSetting] = strict,
    resources: [Resource] = []
) -> Target {
    .testTarget(name: name, dependencies: dependencies, resources: resources, swiftSettings: settings)
}

func headers(_ name: String) -> Target {
    .systemLibrary(name: name, path: "CHeaders/\(name)")
}

let package = Package(
    name: "scaler-oci-hpc",
    products: [
        .executable(name: "scaler-oci-hpc", targets: ["ScalerOCIHPC"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2")
    ],
    targets: [
        headers("CCares"), headers("CLibev"), headers("CLinux"), headers("COpenSSL"), headers("CSimulation"),
        headers("CZeroMQ"),
        headers("CZlib"),

        // Pure: decisions are values.
        module("CapnProto", [], pure),
        module("SchedulerMessages", ["CapnProto", "Encodings"], pure),
        module("HTTPWire", ["Encodings"], pure),
        module("Encodings", [], pure),
        module("JSON", [], pure),
        module("OCISigning", ["Encodings"], pure),
        module("OCIProfile", ["Encodings"], pure),
        module("TaskPayload", ["Encodings", "JSON"], pure, resources: [.embedInCode("trampoline.py")]),
        module("TaskEngine", [], pure + optimized),
        module("Configuration", ["Encodings"], pure),

        // The cellar: the only modules that see C.
        module("EventLoop", ["CLibev"]),
        module("Compression", ["CZlib"]),
        module("Transport", ["CCares", "CLinux", "COpenSSL", "Encodings", "EventLoop"]),
        module("Messaging", ["Encodings", "EventLoop", "Transport"]),

        // Effects are straight lines.
        module("HTTPClient", ["Encodings", "EventLoop", "HTTPWire", "Transport"]),
        module(
            "OCIServices",
            [
                "Encodings", "EventLoop", "HTTPClient", "HTTPWire", "JSON", "OCIProfile", "OCISigning",
                "Transport",
            ]
        ),
        module(
            "Reporting",
            [
                "Configuration", "Encodings", "EventLoop", "OCIServices",
                .product(name: "Logging", package: "swift-log"),
            ]
        ),
        module(
            "CloudOwnership",
            [
                "Configuration", "Encodings", "EventLoop", "HTTPClient", "JSON", "OCIServices", "Reporting",
                "TaskEngine", "TaskPayload", "Transport",
                .product(name: "Logging", package: "swift-log"),
            ]
        ),
        module(
            "SchedulerLink",
            [
                "Configuration", "Encodings", "EventLoop", "Messaging", "Reporting", "SchedulerMessages",
                "TaskEngine", "Transport",
                .product(name: "Logging", package: "swift-log"),
            ]
        ),
        module(
            "Tasks",
            [
                "CloudOwnership", "Compression", "Configuration", "Encodings", "EventLoop",
                "OCIServices", "Reporting", "SchedulerLink", "SchedulerMessages", "TaskEngine", "TaskPayload",
                "Transport",
                .product(name: "Logging", package: "swift-log"),
            ]
        ),
        module(
            "Daemon",
            [
                "CloudOwnership", "Configuration", "Encodings", "EventLoop", "HTTPWire", "JSON", "Messaging",
                "OCIProfile", "OCIServices", "Reporting", "SchedulerLink", "TaskEngine", "Tasks", "Transport",
                .product(name: "Logging", package: "swift-log"),
            ],
            resources: [.embedInCode("live_page.html")]
        ),
        module(
            "Commands",
            [
                "Configuration", "Encodings", "EventLoop", "HTTPClient", "JSON", "Messaging", "OCIProfile",
                "OCIServices", "Reporting", "SchedulerLink", "TaskEngine", "TaskPayload", "Transport",
                "CloudOwnership", "Daemon",
            ],
            resources: [.embedInCode("Image/JobRunner"), .embedInCode("Check/check_client.py")]
        ),
        .executableTarget(
            name: "ScalerOCIHPC",
            dependencies: ["Commands", "Configuration", "Daemon", "Reporting", "Transport"],
            swiftSettings: strict,
            // The other linker keeps references of code that it leaves out, to a C library newer than is needed.
            linkerSettings: [.unsafeFlags(["-use-ld=lld"], .when(configuration: .release))]
        ),

        // Measures the daemon's HTTP client; in no product, Tools/bench builds it.
        .executableTarget(
            name: "Bench",
            dependencies: ["Encodings", "EventLoop", "HTTPClient", "HTTPWire", "OCISigning", "Transport"],
            path: "Tools/Benchmark",
            exclude: [
                "bench.py", "curves.py", "figures.py", "libcurl.py", "managers.py", "request_costs.py",
                "server.py",
            ],
            swiftSettings: strict
        ),
        // Shows what a task costs when there are many; in no product, Tools/bench builds it.
        .executableTarget(
            name: "Curve",
            dependencies: ["EventLoop", "SchedulerLink", "SchedulerMessages", "TaskEngine", "Tasks"],
            path: "Tools/Curve",
            swiftSettings: strict
        ),

        .target(
            name: "TestSupport",
            dependencies: [
                "CLinux", "COpenSSL", "Compression", "EventLoop", "Messaging", "Transport",
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Tests/TestSupport",
            swiftSettings: strict
        ),
        // The scheduler's end of the protocol.
        .target(
            name: "SchedulerPeer",
            dependencies: ["CapnProto", "Encodings", "SchedulerMessages"],
            path: "Tests/SchedulerPeer",
            swiftSettings: strict
        ),
        .target(
            name: "TestCloud",
            dependencies: [
                "Encodings", "EventLoop", "HTTPClient", "JSON", "OCIServices", "OCISigning", "TestSupport",
                "Transport", .product(name: "Logging", package: "swift-log"),
            ],
            path: "Tests/TestCloud",
            swiftSettings: strict
        ),
        // The simulated world; in no product, Tools/simulate builds it.
        .target(
            name: "SimulatedWorld",
            dependencies: [
                "CSimulation", "CapnProto", "CloudOwnership", "Compression", "Configuration", "Daemon",
                "Encodings",
                "EventLoop", "HTTPClient", "JSON", "Messaging", "OCIServices", "OCISigning",
                "SchedulerMessages",
                "SchedulerPeer", "TaskEngine", "TaskPayload", "TestSupport", "Transport",
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Tests/Simulation/World",
            swiftSettings: strict
        ),
        .executableTarget(
            name: "Simulate",
            dependencies: ["CSimulation", "EventLoop", "SimulatedWorld", "TestSupport", "Transport"],
            path: "Tests/Simulation/Simulate",
            swiftSettings: strict
        ),
        // Hostile peers for the daemon's parts; in no product, Tools/test runs it.
        .executableTarget(
            name: "Hostile",
            dependencies: [
                "CapnProto", "CloudOwnership", "Compression", "Configuration", "Encodings", "EventLoop",
                "HTTPClient", "HTTPWire", "Messaging", "OCIServices", "OCISigning", "SchedulerLink",
                "SchedulerMessages", "TaskEngine", "TaskPayload", "Tasks", "TestSupport", "Transport",
            ],
            path: "Tests/Hostile/InProcess",
            swiftSettings: strict
        ),
        tests(
            "SimulationTests",
            [
                "Compression", "Encodings", "EventLoop", "HTTPClient", "JSON", "Messaging", "OCIProfile",
                "OCIServices", "OCISigning", "SchedulerMessages", "SchedulerPeer", "SimulatedWorld",
                "TaskPayload", "TestSupport", "Transport",
            ]
        ),
        tests("CapnProtoTests", ["CapnProto", "TestSupport"]),
        tests(
            "SchedulerMessagesTests",
            ["CapnProto", "Encodings", "SchedulerMessages", "SchedulerPeer", "TestSupport", "Transport"]
        ),
        tests("HTTPWireTests", ["HTTPWire", "TestSupport"]),
        tests("EncodingsTests", ["Encodings"]),
        tests("JSONTests", ["JSON", "TestSupport"]),
        tests("OCISigningTests", ["Encodings", "OCISigning"], resources: [.copy("Vectors")]),
        tests("OCIProfileTests", ["OCIProfile", "TestSupport"], resources: [.copy("Vectors")]),
        tests(
            "TaskPayloadTests",
            ["Compression", "Encodings", "TaskPayload", "TestSupport"],
            resources: [.copy("Python"), .copy("Vectors")]
        ),
        tests("TidyTests", []),
        .testTarget(
            name: "FuzzTests",
            dependencies: [
                "Compression", "Configuration", "Encodings", "HTTPClient", "HTTPWire", "JSON", "Messaging",
                "OCIProfile", "OCIServices", "OCISigning", "SchedulerMessages", "SchedulerPeer",
                "TaskPayload",
                "Transport",
            ],
            path: "Tools/Fuzzing",
            exclude: ["Corpus", "fuzz.py"],
            swiftSettings: strict
        ),
        tests("TaskEngineTests", ["TaskEngine", "TestSupport"], strict + optimized),
        tests("ConfigurationTests", ["Configuration", "TestSupport"]),
        tests(
            "CommandsTests",
            [
                "Commands", "Configuration", "EventLoop", "JSON", "OCIServices", "Reporting", "TestSupport",
                "CloudOwnership", "Transport",
            ]
        ),
        tests(
            "ReportingTests",
            [
                "Configuration", "EventLoop", "OCIServices", "Reporting", "TestSupport",
                .product(name: "Logging", package: "swift-log"),
            ]
        ),
        tests("CompressionTests", ["Compression", "TestSupport"]),
        tests("EventLoopTests", ["EventLoop", "TestSupport"]),
        tests("TransportTests", ["Encodings", "EventLoop", "TestSupport", "Transport"]),
        tests(
            "MessagingTests",
            ["CZeroMQ", "EventLoop", "Messaging", "TestSupport", "Transport"]
        ),
        tests(
            "HTTPClientTests",
            ["Encodings", "EventLoop", "HTTPClient", "HTTPWire", "TestSupport", "Transport"]
        ),
        tests(
            "OCIServicesTests",
            [
                "Encodings", "EventLoop", "HTTPClient", "HTTPWire", "JSON", "OCIProfile", "OCIServices",
                "OCISigning", "TestSupport", "Transport",
            ]
        ),
        tests(
            "SchedulerLinkTests",
            [
                "Configuration", "EventLoop", "Messaging", "SchedulerLink", "SchedulerMessages",
                "SchedulerPeer",
                "TaskEngine", "TestSupport", "Transport",
                .product(name: "Logging", package: "swift-log"),
            ]
        ),
        tests(
            "CloudOwnershipTests",
            [
                "CloudOwnership", "Configuration", "EventLoop", "JSON", "OCIServices", "TaskEngine",
                "TaskPayload", "TestCloud", "TestSupport",
                .product(name: "Logging", package: "swift-log"),
            ]
        ),
        tests(
            "TasksTests",
            [
                "CloudOwnership", "Compression", "Configuration", "Encodings", "EventLoop", "Messaging",
                "OCIServices", "SchedulerLink", "SchedulerMessages", "SchedulerPeer", "TaskEngine",
                "TaskPayload", "Tasks",
                "TestCloud", "TestSupport", "Transport",
                .product(name: "Logging", package: "swift-log"),
            ]
        ),
        tests(
            "DaemonTests",
            [
                "CloudOwnership", "Configuration", "Daemon", "Encodings", "EventLoop", "HTTPWire", "JSON",
                "Messaging", "OCIProfile", "OCIServices", "SchedulerLink",
                "TaskEngine", "Tasks", "TestCloud", "TestSupport", "Transport",
            ]
        ),
    ]
)
