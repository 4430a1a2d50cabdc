// swift-tools-version: 6.2
// The package of claude-proxy. docs/ARCHITECTURE.md says what each module holds and why the
// arrows between them point the way they do.
import PackageDescription

/// Strict from the first commit: dear to add later.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    // 6 % fewer instructions on the data path; debug builds, and so the tests, keep the checks.
    .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]

/// `make fuzz` alone builds the fuzz targets: their `main` is libFuzzer's.
let fuzzTargets: [Target] =
    Context.environment["CLAUDE_PROXY_FUZZ"] == nil
    ? []
    : [
        .executableTarget(
            name: "fuzz",
            dependencies: ["Gateway", "HTTP1", "Simulation", "TestSupport", "Translation"],
            path: "Tests/Fuzz", exclude: ["Corpus", "Dictionaries"],
            swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])])
    ]

/// The tests of the core, which has no threads: the thread sanitizer does without them.
let coreTests: [Target] =
    Context.environment["CLAUDE_PROXY_TESTS"] == "threads"
    ? []
    : [
        // Sessions under a simulated clock, network and upstream: `make simulate`.
        .target(
            name: "Simulation",
            dependencies: ["EventLoop", "Gateway", "TestSupport", "Translation"],
            path: "Tests/Simulation", swiftSettings: strict),
        .executableTarget(
            name: "simulate", dependencies: ["Simulation"], path: "Tests/SimulationCommand",
            swiftSettings: strict),
        .testTarget(
            name: "SimulationTests", dependencies: ["Simulation", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "HTTP1Tests", dependencies: ["HTTP1", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "TranslationTests", dependencies: ["TestSupport", "Translation"],
            swiftSettings: strict),
        .testTarget(
            name: "TokenizerTests", dependencies: ["CVocabulary", "TestSupport", "Tokenizer"],
            exclude: ["vectors.txt"], swiftSettings: strict),
        .executableTarget(
            name: "token-tool", dependencies: ["CVocabulary", "Tokenizer"],
            path: "Tests/TokenTool", exclude: ["compare.py", "stall.py"], swiftSettings: strict),
        .testTarget(
            name: "GatewayTests",
            dependencies: ["Gateway", "HTTP1", "TestSupport", "Tokenizer", "Translation"],
            swiftSettings: strict),
    ]

let package = Package(
    name: "claude-proxy",
    products: [
        .executable(name: "claude-proxy", targets: ["claude-proxy"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
    ],
    targets: [
        // C libraries, each with a shim for what Swift cannot import by itself.
        .systemLibrary(
            name: "CLibCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(
            name: "CSystemd", pkgConfig: "libsystemd", providers: [.apt(["libsystemd-dev"])]),
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CLinux"),

        // The pure core: no clock, no descriptor, no environment, no random source.
        .target(name: "HTTP1", swiftSettings: strict),
        .target(name: "Translation", swiftSettings: strict),
        .target(
            name: "CVocabulary",
            exclude: [
                "LICENSE-tiktoken.txt", "LICENSE-unicode.txt", "character_classes.bin",
                "o200k_base.bin",
            ]),
        .target(name: "Tokenizer", dependencies: ["CVocabulary"], swiftSettings: strict),
        .target(
            name: "Gateway", dependencies: ["HTTP1", "Translation", "Tokenizer"],
            swiftSettings: strict),

        // The shell: it moves bytes and does what the core says.
        .target(name: "EventLoop", dependencies: ["CLinux"], swiftSettings: strict),
        .target(
            name: "Upstream", dependencies: ["CLibCurl", "EventLoop", "Gateway", "Translation"],
            swiftSettings: strict),
        .target(
            name: "Daemon",
            dependencies: [
                "CLinux", "CSystemd", "CZlib", "EventLoop", "Gateway", "HTTP1", "Translation",
                "Upstream", .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict,
            // Statically, so that the Debian package depends on no more libraries than it must.
            linkerSettings: [.unsafeFlags(["-Xlinker", "-l:libz.a"])]),
        .target(
            name: "Simulator", dependencies: ["CLinux", "EventLoop", "HTTP1", "Translation"],
            swiftSettings: strict),
        .executableTarget(
            name: "claude-proxy",
            dependencies: [
                "Daemon", "Gateway", "Simulator",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),

        // What several test targets need.
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: strict),
        .testTarget(
            name: "EventLoopTests", dependencies: ["CLinux", "EventLoop", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "DaemonTests",
            dependencies: [
                "Daemon", "EventLoop", "Gateway", .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "SimulatorTests", dependencies: ["HTTP1", "Simulator", "Translation"],
            swiftSettings: strict),
        .testTarget(
            name: "UpstreamTests",
            dependencies: ["EventLoop", "Gateway", "Simulator", "Translation", "Upstream"],
            swiftSettings: strict),
    ] + coreTests + fuzzTargets
)
