// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]

// `@_noLocks` needs to see a whole module at once, which a debug build does not: it is checked in release builds only.
let core: [SwiftSetting] =
    strict + [
        .unsafeFlags(["-Xllvm", "-sil-disable-pass=performance-diagnostics"], .when(configuration: .debug))
    ]
let c: [CSetting] = [
    .treatAllWarnings(as: .error), .enableWarning("all"), .enableWarning("extra"), .disableWarning("unused-parameter"),
]

/// Modules with functions that carry `@_noLocks`.
let checkedPlugins: Set<String> = ["snmpstats"]

/// What `make` says of the source: `git describe`, and its date as SOURCE_DATE_EPOCH. Nothing without it.
let build: [CSetting] = ["APUS_REVISION", "APUS_EPOCH"].compactMap { name in
    let allowed: (Character) -> Bool = { $0.isASCII && ($0.isLetter || $0.isNumber || "-._+".contains($0)) }
    guard let value = Context.environment[name], !value.isEmpty, value.allSatisfy(allowed) else { return nil }
    return .define(name, to: "\"\(value)\"")
}

/// Every module is one folder below Plugins/ and becomes `lib<name>.so`.
/// In Swift it sees PluginKit, in C PluginAPI alone; a system library that only one module uses is linked to that module.
let plugins: [(name: String, path: String, needs: [Target.Dependency])] = [
    ("acc", "Plugins/acc", ["PluginKit", "PluginAPI"]),
    ("alias_db", "Plugins/alias_db", ["PluginKit", "PluginAPI", "TableKit"]),
    ("auth", "Plugins/auth", ["PluginKit", "PluginAPI", "RoutingKit", "DigestKit"]),
    ("auth_db", "Plugins/auth_db", ["PluginKit", "PluginAPI", "DigestKit", "TableKit"]),
    ("cfg_rpc", "Plugins/cfg_rpc", ["PluginKit", "PluginAPI", "DoorKit"]),
    ("cfgutils", "Plugins/cfgutils", ["PluginKit", "PluginAPI", "RoutingKit", "COpenSSL"]),
    ("corex", "Plugins/corex", ["PluginKit", "PluginAPI", "RoutingKit"]),
    ("counters", "Plugins/counters", ["PluginKit", "PluginAPI"]),
    ("ctl", "Plugins/ctl", ["PluginKit", "PluginAPI", "DoorKit", "BinRPC", "TextDoor"]),
    ("db_sqlite", "Plugins/db_sqlite", ["PluginKit", "PluginAPI", "CSQLite"]),
    ("jsonrpcs", "Plugins/jsonrpcs", ["PluginKit", "PluginAPI", "DoorKit", "JSON"]),
    ("dispatcher", "Plugins/dispatcher", ["PluginKit", "PluginAPI", "RoutingKit", "Destinations", "TableKit"]),
    ("dlgs", "Plugins/dlgs", ["PluginKit", "PluginAPI", "RoutingKit"]),
    ("domain", "Plugins/domain", ["PluginKit", "PluginAPI", "TableKit"]),
    ("group", "Plugins/group", ["PluginKit", "PluginAPI", "TableKit"]),
    ("kex", "Plugins/kex", ["PluginKit", "PluginAPI", "RoutingKit"]),
    ("maxfwd", "Plugins/maxfwd", ["PluginKit", "PluginAPI"]),
    ("mi_datagram", "Plugins/mi_datagram", ["PluginKit", "PluginAPI", "DoorKit", "TextDoor"]),
    ("mi_fifo", "Plugins/mi_fifo", ["PluginKit", "PluginAPI", "DoorKit", "TextDoor"]),
    ("mi_rpc", "Plugins/mi_rpc", ["PluginKit", "PluginAPI", "TextDoor"]),
    ("nathelper", "Plugins/nathelper", ["PluginKit", "PluginAPI", "RoutingKit", "Pings"]),
    ("permissions", "Plugins/permissions", ["PluginKit", "PluginAPI", "RoutingKit", "TableKit", "AccessLists"]),
    ("print", "Plugins/print", ["PluginKit", "PluginAPI"]),
    ("pv", "Plugins/pv", ["PluginKit", "PluginAPI", "RoutingKit"]),
    ("registrar", "Plugins/registrar", ["PluginKit", "PluginAPI", "RoutingKit", "Registration"]),
    ("rr", "Plugins/rr", ["PluginKit", "PluginAPI", "RoutingKit"]),
    ("rtpengine", "Plugins/rtpengine", ["PluginKit", "PluginAPI", "MediaKit"]),
    ("rtpproxy-ng", "Plugins/rtpproxy-ng", ["PluginKit", "PluginAPI", "MediaKit"]),
    ("sanity", "Plugins/sanity", ["PluginKit", "PluginAPI", "RoutingKit"]),
    ("siputils", "Plugins/siputils", ["PluginKit", "PluginAPI", "RoutingKit"]),
    ("sl", "Plugins/sl", ["PluginKit", "PluginAPI", "RoutingKit"]),
    ("snmpstats", "Plugins/snmpstats", ["PluginKit", "PluginAPI", "RoutingKit", "EventRing", "CNetSNMP"]),
    ("speeddial", "Plugins/speeddial", ["PluginKit", "PluginAPI", "TableKit"]),
    ("statistics", "Plugins/statistics", ["PluginKit", "PluginAPI"]),
    ("tm", "Plugins/tm", ["PluginKit", "PluginAPI", "RoutingKit"]),
    ("tmx", "Plugins/tmx", ["PluginKit", "PluginAPI"]),
    ("textops", "Plugins/textops", ["PluginKit", "PluginAPI", "RoutingKit"]),
    ("usrloc", "Plugins/usrloc", ["PluginKit", "PluginAPI", "RoutingKit", "Locations", "Pings"]),
    ("textopsx", "Plugins/textopsx", ["PluginKit", "PluginAPI", "RoutingKit"]),
    ("uri_db", "Plugins/uri_db", ["PluginKit", "PluginAPI", "TableKit"]),
    ("xlog", "Plugins/xlog", ["PluginKit", "PluginAPI"]),
    ("hello", "examples/modules/hello", ["PluginKit", "PluginAPI"]),
    ("hello_c", "examples/modules/hello_c", ["PluginAPI"]),
]

let exportsMap = Context.packageDirectory + "/Plugins/exports.map"

let package = Package(
    name: "apus",
    products: [
        .executable(name: "apus", targets: ["apus"]), .executable(name: "apusctl", targets: ["apusctl"]),
    ]
        + plugins.map { .library(name: $0.name, type: .dynamic, targets: [$0.name]) },
    targets: [
        .target(name: "PluginAPI", cSettings: c),
        .target(name: "CLinux", cSettings: c),
        .systemLibrary(name: "CBytes"),
        .target(name: "PluginKit", dependencies: ["PluginAPI"], swiftSettings: strict),
        // What modules share. The contract is named though PluginKit brings it: a changed header must rebuild these, too.
        .target(name: "JSON", swiftSettings: strict),
        .target(name: "RoutingKit", dependencies: ["PluginKit", "PluginAPI", "CBytes"], swiftSettings: strict),
        // What the module dispatcher selects from, apart from the server so that it can be tested alone.
        .target(name: "Destinations", dependencies: ["PluginKit", "PluginAPI"], swiftSettings: strict),
        // What the module registrar decides, apart from the server so that it can be tested alone.
        .target(
            name: "Registration", dependencies: ["PluginKit", "PluginAPI", "RoutingKit"], swiftSettings: strict),
        // Digest authentication: what the module auth and whoever else computes responses share.
        .target(name: "DigestKit", dependencies: ["PluginKit", "PluginAPI", "COpenSSL"], swiftSettings: strict),
        // Where users can be reached: what the module usrloc keeps, apart from the server so that it can be tested alone.
        .target(name: "Locations", dependencies: ["PluginKit", "PluginAPI", "RoutingKit"], swiftSettings: strict),
        // Pings of registered contacts: what the modules nathelper and usrloc share.
        .target(name: "Pings", dependencies: ["PluginKit", "PluginAPI", "RoutingKit"], swiftSettings: strict),
        // What modules that ask databases share: questions of scripts, tables that are read as a whole.
        .target(name: "TableKit", dependencies: ["PluginKit", "PluginAPI", "RoutingKit"], swiftSettings: strict),
        // What the module permissions goes by, apart from the server so that it can be tested alone.
        .target(name: "AccessLists", dependencies: ["PluginKit", "PluginAPI", "TableKit"], swiftSettings: strict),
        // From workers to a thread of a module's own.
        .target(name: "EventRing", dependencies: ["PluginAPI"], swiftSettings: core),
        .target(name: "DoorKit", dependencies: ["PluginKit", "PluginAPI"], swiftSettings: strict),
        // What the modules of the text protocols share.
        .target(name: "TextDoor", dependencies: ["PluginKit", "PluginAPI", "DoorKit"], swiftSettings: strict),
        .target(name: "BinRPC", swiftSettings: strict),
        .target(name: "Bencode", swiftSettings: core),
        // Media proxies, to which the modules rtpengine and rtpproxy-ng are two doors.
        .target(
            name: "MediaKit", dependencies: ["PluginKit", "PluginAPI", "RoutingKit", "TableKit", "Bencode"],
            swiftSettings: core),
        .systemLibrary(name: "CPcre2", pkgConfig: "libpcre2-8", providers: [.apt(["libpcre2-dev"])]),
        .systemLibrary(name: "CAres", pkgConfig: "libcares", providers: [.apt(["libc-ares-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        // No pkgConfig: Debian's netsnmp-agent.pc asks for the flags that the library itself was built with.
        .systemLibrary(name: "CNetSNMP", providers: [.apt(["libsnmp-dev"])]),
        .target(
            name: "Core", dependencies: ["PluginAPI", "CLinux", "CBytes", "CPcre2", "CAres", "COpenSSL"],
            swiftSettings: core),
        .target(name: "CBuild", cSettings: c + build),
        .executableTarget(name: "apus", dependencies: ["Core", "CBuild"], swiftSettings: strict),
        .executableTarget(
            name: "apusctl", dependencies: ["BinRPC", "JSON", "CSQLite", "COpenSSL"], swiftSettings: strict),
        .executableTarget(
            name: "sipload", dependencies: ["CLinux", "DigestKit", "PluginKit"], path: "Benchmarks/sipload",
            swiftSettings: strict),
        // What tests compare with files share.
        .target(name: "GoldenFiles", path: "Tests/GoldenFiles", swiftSettings: strict),
        .testTarget(
            name: "CoreTests", dependencies: ["Core", "GoldenFiles"], exclude: ["Corpus", "Script/Mistakes"],
            swiftSettings: strict),
        .testTarget(name: "BinRPCTests", dependencies: ["BinRPC"], swiftSettings: strict),
        .testTarget(name: "BencodeTests", dependencies: ["Bencode"], swiftSettings: strict),
        .testTarget(name: "MediaKitTests", dependencies: ["MediaKit", "Bencode"], swiftSettings: strict),
        .testTarget(name: "ApusctlTests", dependencies: ["apusctl"], swiftSettings: strict),
        .testTarget(name: "PluginKitTests", dependencies: ["PluginKit"], swiftSettings: strict),
        .testTarget(name: "RoutingKitTests", dependencies: ["RoutingKit"], swiftSettings: strict),
        .testTarget(name: "DigestKitTests", dependencies: ["DigestKit"], swiftSettings: strict),
        .testTarget(name: "JSONTests", dependencies: ["JSON"], swiftSettings: strict),
        .testTarget(name: "DestinationsTests", dependencies: ["Destinations"], swiftSettings: strict),
        .testTarget(name: "RegistrationTests", dependencies: ["Registration", "RoutingKit"], swiftSettings: strict),
        .testTarget(name: "LocationsTests", dependencies: ["Locations"], swiftSettings: strict),
        .testTarget(name: "PingsTests", dependencies: ["Pings"], swiftSettings: strict),
        .testTarget(name: "EventRingTests", dependencies: ["EventRing", "PluginAPI"], swiftSettings: strict),
        .testTarget(name: "TableKitTests", dependencies: ["TableKit"], swiftSettings: strict),
        .testTarget(name: "AccessListsTests", dependencies: ["AccessLists"], swiftSettings: strict),
        .testTarget(name: "DoorKitTests", dependencies: ["DoorKit"], swiftSettings: strict),
        .testTarget(name: "TextDoorTests", dependencies: ["TextDoor"], swiftSettings: strict),
        .testTarget(
            name: "FunctionalTests", dependencies: ["Bencode", "BinRPC", "DigestKit", "GoldenFiles"],
            exclude: ["Comparison", "Mistakes", "Samples", "Sipp", "Zoo"],
            swiftSettings: strict),
    ]
        + plugins.map {
            .target(
                name: $0.name, dependencies: $0.needs, path: $0.path, exclude: ["README.md"],
                publicHeadersPath: ".", cSettings: c, swiftSettings: checkedPlugins.contains($0.name) ? core : strict,
                linkerSettings: [.unsafeFlags(["-Xlinker", "--version-script=" + exportsMap])])
        }
)
