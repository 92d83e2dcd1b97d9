import Glibc
import Synchronization
import Testing

/// A module in C that a test builds against the headers of this tree.
enum CModule {
    /// What was compiled in this run, by its name: many tests want the same.
    private static let compiled = Mutex<[String: [UInt8]]>([:])

    /// Compiles `Tests/Modules/NAME.c` to `NAME.so` in a folder.
    /// - Parameter isPreloaded: it is no module, but for LD_PRELOAD.
    static func build(_ name: String, into folder: String, isPreloaded: Bool = false) throws {
        let file = "\(folder)/\(name).so"
        let known = try compiled.withLock { all throws -> [UInt8]? in
            if let known = all[name] { return known }
            try compile(name, to: file, isPreloaded)
            let bytes: [UInt8] = try #require(readBytes(file))
            all[name] = bytes
            return nil
        }
        guard let known else { return }
        // Not over the file that is there: a server may have it open.
        try writeBytes(known, to: file + ".new")
        try #require(rename(file + ".new", file) == 0)
    }

    private static func compile(_ name: String, to file: String, _ isPreloaded: Bool) throws {
        let root = Products.sources
        let result = try run(
            "gcc",
            [
                "-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-shared", "-fPIC",
                "-I\(root)/Sources/PluginAPI/include",
            ] + (isPreloaded ? [] : ["-Wl,--version-script=\(root)/Plugins/exports.map"])
                + ["\(root)/Tests/Modules/\(name).c", "-o", file, "-lpthread"])
        try #require(result.succeeded, "\(result.output)\(result.errors)")
    }
}
