// swift-tools-version: 6.2
import PackageDescription

// Targets are listed by floor: a target imports only what it lists here, and every floor knows nothing of the
// ones above it. `make lint` builds with `--explicit-target-dependency-import-check error`, so a forgotten entry
// is a build error. ARCHITECTURE.md tells what lives where.

/// Exclusivity is proven by the debug and sanitizer runs of the whole test suite; in release the run-time checks on
/// class fields would cost more than the work that they guard.
let swiftSettings: [SwiftSetting] = [
    .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))
]

func floor(_ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target {
    .target(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: swiftSettings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(name: name, dependencies: dependencies, exclude: exclude)
}

let package = Package(
    name: "portcullis",
    targets: [
        // Floor 0: C libraries, as Debian packages ship them. No logic here, only module maps and macro shims.
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),

        // Floor 1
        floor("Base"),

        // Floor 2
        floor("Linux", ["Base", "CLinux"]),
        floor("HTTP", ["Base"]),
        floor("Configuration", ["Base", "CYAML", "COpenSSL"]),
        floor("JOSE", ["Base", "COpenSSL"]),

        // Floor 3
        floor("EventLoop", ["Base", "Linux"]),
        floor("TLS", ["Base", "COpenSSL"]),
        floor("Routing", ["Base", "HTTP"]),
        floor("Upstream", ["Base"]),
        floor("Traffic", ["Base", "Linux"], exclude: ["CircuitBreaker/CircuitBreaker.md"]),
        floor("Redis", ["Base"]),
        floor("Observability", ["Base", "HTTP"]),
        floor("Identity", ["Base", "JOSE"]),

        // Floor 4
        floor(
            "Plugins",
            [
                "Base", "HTTP", "Routing", "Observability", "JOSE", "Identity", "Traffic", "Redis",
            ],
            exclude: [
                "IPRestriction/IPRestriction.md", "Identity/Identity.md", "InternalJWT/InternalJWT.md", "JWT/JWT.md",
                "RateLimit/RateLimit.md", "RateLimit/SharedLimits.md", "SPIFFE/SPIFFE.md", "Transform/Transform.md",
            ]),

        // Floor 5
        floor(
            "Proxy",
            [
                "Base", "Linux", "HTTP", "JOSE", "Configuration", "EventLoop", "TLS", "Identity", "Routing", "Upstream",
                "Observability", "Plugins", "Redis", "Traffic",
            ]),

        // Floor 6
        floor(
            "Admin",
            [
                "Base", "Linux", "HTTP", "Configuration", "Identity", "Traffic", "Observability", "Proxy",
            ]),

        // Floor 7
        .executableTarget(
            name: "portcullis",
            dependencies: [
                "Base", "Linux", "HTTP", "Configuration", "JOSE", "EventLoop", "Identity", "Routing", "Observability",
                "Plugins", "Proxy", "Admin",
            ],
            path: "Sources/gateway",
            swiftSettings: swiftSettings),

        // What tests share; it has no tests of its own.
        .target(name: "TestSupport", dependencies: ["Base", "JOSE", "COpenSSL"], path: "Tests/TestSupport"),

        tests("BaseTests", ["Base", "TestSupport"]),
        tests("LinuxTests", ["Base", "Linux"]),
        tests("HTTPTests", ["Base", "HTTP", "TestSupport"]),
        tests("ConfigurationTests", ["Base", "Configuration", "TestSupport"]),
        tests("JOSETests", ["Base", "JOSE", "TestSupport"], exclude: ["Wycheproof"]),
        tests("RoutingTests", ["Base", "HTTP", "Routing", "TestSupport"]),
        tests("IdentityTests", ["Base", "JOSE", "Identity", "TestSupport"]),
        tests("UpstreamTests", ["Base", "Upstream"]),
        tests("TrafficTests", ["Base", "Linux", "Traffic"]),
        tests("RedisTests", ["Base", "Redis", "TestSupport"]),
        tests("TLSTests", ["Base", "TLS", "TestSupport"]),
        tests("EventLoopTests", ["Base", "Linux", "EventLoop", "TestSupport"]),
        tests("ObservabilityTests", ["Base", "HTTP", "Observability"]),
        tests(
            "AdminTests",
            ["Base", "Linux", "HTTP", "Configuration", "EventLoop", "Observability", "Proxy", "Admin"]),
        tests(
            "CommandTests",
            [
                "Base", "Linux", "Configuration", "JOSE", "EventLoop", "Identity", "Observability", "Proxy",
                "portcullis",
            ]),
        tests(
            "PluginsTests",
            [
                "Base", "HTTP", "Routing", "Observability", "Traffic", "JOSE", "Identity", "Plugins", "Redis",
                "TestSupport",
            ]),
        tests(
            "ProxyTests",
            [
                "Base", "Linux", "HTTP", "JOSE", "Configuration", "EventLoop", "TLS", "Identity", "Routing", "Upstream",
                "Plugins", "Proxy", "Observability", "Redis", "Traffic", "TestSupport",
            ]),
        // The rules of the tree: lengths, words, imports. Reads the sources, imports none of them.
        tests("TidyTests", []),
    ],
    swiftLanguageModes: [.v6]
)
