// swift-tools-version: 6.2
// A module outside Apus's tree. Copy this folder, and build it against an installed Apus:
//
//     APUS_PREFIX=/opt/apus swift build -c release          → .build/release/libhello.so
//
// Copy the library into $APUS_PREFIX/lib/apus/modules, or point `mpath` of the config at where it lies.
import PackageDescription

let kit = Context.environment["APUS_PREFIX", default: "/usr/local"] + "/share/apus/PluginKit"

let package = Package(
    name: "hello",
    products: [.library(name: "hello", type: .dynamic, targets: ["hello"])],
    dependencies: [.package(path: kit)],
    targets: [
        .target(
            name: "hello", dependencies: [.product(name: "PluginKit", package: "PluginKit")],
            swiftSettings: [.swiftLanguageMode(.v6)],
            linkerSettings: [.unsafeFlags(["-Xlinker", "--version-script=" + kit + "/exports.map"])])
    ]
)
