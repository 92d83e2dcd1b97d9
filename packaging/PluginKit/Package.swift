// swift-tools-version: 6.2
// The package that a module outside Apus's tree depends on by path; see docs in share/doc/apus. Installed by `make install`.
import PackageDescription

let package = Package(
    name: "PluginKit",
    products: [.library(name: "PluginKit", type: .static, targets: ["PluginKit", "PluginAPI"])],
    targets: [
        .target(name: "PluginAPI"),
        .target(name: "PluginKit", dependencies: ["PluginAPI"], swiftSettings: [.swiftLanguageMode(.v6)]),
    ]
)
