import Glibc

/// What went wrong in the harness itself, as opposed to in the server under test.
struct HarnessError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Where the build under test and the source tree lie.
enum Products {
    /// The release products: `APUS_PRODUCTS` as `make functional` sets it, else the folder `release` beside this test's own.
    static let folder: String = {
        if let set = getenv("APUS_PRODUCTS") { return String(cString: set) }
        return parent(parent(realPath("/proc/self/exe") ?? "/proc/self/exe")) + "/release"
    }()

    /// The root of the source tree.
    static let sources = parent(parent(parent(parent(#filePath))))

    static var apus: String { folder + "/apus" }

    /// The path of a product; an error that says what to do when it has not been built.
    static func path(_ name: String) throws -> String {
        let path = folder + "/" + name
        guard access(path, R_OK) == 0 else {
            throw HarnessError("there is no \(path): functional tests drive the release build, run `make build` first")
        }
        return path
    }

    static func parent(_ path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    static func realPath(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// Names in a folder, sorted; those that begin with a dot only if asked for. An unreadable folder has none.
    static func names(in folder: String, hidden: Bool = false) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if hidden ? name != "." && name != ".." : !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }
}
