import Testing

/// A module in C that a test builds against the headers of this tree.
enum CModule {
    /// Compiles `Tests/Modules/NAME.c` to `NAME.so` in a folder.
    /// - Parameter isPreloaded: it is no module, but for LD_PRELOAD.
    static func build(_ name: String, into folder: String, isPreloaded: Bool = false) throws {
        let root = Products.sources
        let result = try run(
            "gcc",
            [
                "-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-shared", "-fPIC",
                "-I\(root)/Sources/PluginAPI/include",
            ] + (isPreloaded ? [] : ["-Wl,--version-script=\(root)/Plugins/exports.map"])
                + ["\(root)/Tests/Modules/\(name).c", "-o", "\(folder)/\(name).so", "-lpthread"])
        try #require(result.succeeded, "\(result.output)")
    }
}
