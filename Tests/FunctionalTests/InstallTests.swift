import Glibc
import Testing

/// `make install`: a tree that may be moved, needs no toolchain, and is all that a module's author needs.
@Suite struct InstallTests {
    @Test func anInstalledTreeMovesAndBuildsModules() throws {
        let folder = try TemporaryFolder()
        let installed = try run(
            Products.sources + "/scripts/install", [folder.path + "/first"],
            environment: ["APUS_PRODUCTS": Products.folder])
        try #require(installed.succeeded, "\(installed.errors)")
        let prefix = folder.path + "/moved"
        try #require(rename(folder.path + "/first", prefix) == 0)

        let programs = Products.names(in: prefix + "/bin").map { prefix + "/bin/" + $0 }
        #expect(programs.contains(prefix + "/bin/apus"))
        let modules = Products.names(in: prefix + "/lib/apus/modules").map { prefix + "/lib/apus/modules/" + $0 }
        for file in programs + modules { try expectOwnRuntime(file, prefix) }

        try buildInC(folder, prefix)
        try buildInSwift(folder, prefix)
    }

    /// Every library of Swift's comes from the installed tree.
    private func expectOwnRuntime(_ file: String, _ prefix: String) throws {
        let libraries = try run("env", ["-i", "/usr/bin/ldd", file])
        for line in libraries.output.split(separator: "\n") {
            #expect(!line.contains("not found"), "\(file): \(line)")
            if line.contains("libswift") || line.contains("libdispatch") || line.contains("libBlocksRuntime") {
                let path = line.split(separator: " ").first { $0.hasPrefix("/") }.flatMap {
                    Products.realPath(String($0))
                }
                let real = Products.realPath(prefix) ?? prefix
                #expect(path?.hasPrefix(real + "/lib/apus/runtime/") == true, "\(file): \(line)")
            }
        }
    }

    private func buildInC(_ folder: borrowing TemporaryFolder, _ prefix: String) throws {
        let source = folder.path + "/in-c"
        let copied = try run("cp", ["-r", prefix + "/share/apus/examples/hello_c", source])
        #expect(copied.succeeded, "\(copied.errors)")
        let built = try run(
            "make", ["CC=gcc -Werror"], environment: ["PKG_CONFIG_PATH": prefix + "/lib/pkgconfig"], folder: source)
        try #require(built.succeeded, "\(built.output)\(built.errors)")
        try expectOneSymbol("apus_module_hello_c", source + "/libhello_c.so")
    }

    private func buildInSwift(_ folder: borrowing TemporaryFolder, _ prefix: String) throws {
        let source = folder.path + "/in-swift"
        let copied = try run("cp", ["-r", prefix + "/share/apus/examples/hello", source])
        #expect(copied.succeeded, "\(copied.errors)")
        let built = try run(
            "swift", ["build", "-c", "release"], within: .seconds(240), environment: ["APUS_PREFIX": prefix],
            folder: source)
        try #require(built.succeeded, "\(built.output)\(built.errors)")
        try expectOneSymbol("apus_module_hello", source + "/.build/release/libhello.so")
    }

    /// A module shows the loader its entry point and nothing else.
    private func expectOneSymbol(_ symbol: String, _ library: String) throws {
        let symbols = try run("nm", ["-D", "--defined-only", "--format=just-symbols", library])
        #expect(symbols.output == symbol + "\n", "\(library): \(symbols.errors)")
    }
}
