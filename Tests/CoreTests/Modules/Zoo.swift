import Glibc

/// Modules with one fault each, in Tests/FunctionalTests/Zoo, compiled once for all tests of a run.
enum Zoo {
    struct Failure: Error {
        let text: String
    }

    /// The folder with `NAME.so` of each NAME.c.
    static let folder: Result<String, Failure> = {
        var template = Array(("/tmp/apus-zoo-" + String(repeating: "X", count: 6)).utf8CString)
        guard mkdtemp(&template) != nil else { return .failure(Failure(text: "mkdtemp")) }
        let folder = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        atexit { Zoo.removeFolder() }
        for file in names(in: sources) where file.hasSuffix(".c") {
            let name = String(file.dropLast(2))
            let map =
                ["no_entry", "foreign"].contains(name) ? [] : ["-Wl,--version-script=\(root)/Plugins/exports.map"]
            let arguments =
                ["-std=c11", "-O1", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror", "-shared", "-fPIC"]
                + ["-I", "\(root)/Sources/PluginAPI/include"] + map
                + ["\(sources)/\(file)", "-o", "\(folder)/\(name).so"]
            guard run("gcc", arguments) == 0 else { return .failure(Failure(text: "gcc cannot compile \(file)")) }
        }
        return .success(folder)
    }()

    private static let root: String = {
        let parts = #filePath.split(separator: "/").dropLast(4)
        return "/" + parts.joined(separator: "/")
    }()

    private static var sources: String { root + "/Tests/FunctionalTests/Zoo" }

    private static func removeFolder() {
        guard case .success(let folder) = folder else { return }
        _ = run("rm", ["-rf", folder])
    }

    private static func names(in folder: String) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                String(cString: UnsafeRawPointer(pointer).assumingMemoryBound(to: CChar.self))
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    /// Runs a program to its end; its exit code, or -1.
    static func run(_ program: String, _ arguments: [String]) -> Int32 {
        var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) }
        defer { for word in words { free(word) } }
        words.append(nil)
        var process = pid_t()
        guard posix_spawnp(&process, program, nil, nil, words, environ) == 0 else { return -1 }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 { if errno != EINTR { return -1 } }
        return status & 0x7f == 0 ? (status >> 8) & 0xff : -1
    }
}
