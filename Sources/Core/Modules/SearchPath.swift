/// The folders in which modules are looked for, and the places in them.
struct SearchPath {
    /// `-L` of the command line: first.
    var commandLine: [String] = []
    /// The last `loadpath` or `mpath` line.
    var configured: [String] = []
    /// The folder that the program was built into, and the one that it was installed with.
    var builtIn: [String] = []

    /// In the order of the search, none twice.
    var folders: [String] {
        var seen: Set<String> = []
        return (commandLine + configured + builtIn).filter { !$0.isEmpty && seen.insert($0).inserted }
    }

    /// Beside the program that runs: its own folder, which is where a build puts modules, and `../lib/apus/modules`.
    static var standard: SearchPath {
        guard let program = FileSystem.realPath("/proc/self/exe") else { return SearchPath() }
        let folder = FileSystem.parent(of: program)
        let installed = FileSystem.parent(of: folder) + "/lib/apus/modules"
        let isInstalled = FileSystem.name(of: folder) == "bin"
        return SearchPath(builtIn: isInstalled ? [installed] : [folder, installed])
    }

    /// A colon-separated list, trailing slashes taken off.
    static func folders(in list: String) -> [String] {
        list.split(separator: ":").map { part in
            var folder = part
            while folder.count > 1, folder.last == "/" { folder.removeLast() }
            return String(folder)
        }
    }

    /// Where the module of a plain name may lie: `dir/X.so`, `dir/X/X.so`, `dir/libX.so` for each folder.
    func candidates(for name: String) -> [String] {
        let base = SearchPath.baseName(name)
        return folders.flatMap { ["\($0)/\(base).so", "\($0)/\(base)/\(base).so", "\($0)/lib\(base).so"] }
    }

    /// Where a relative path with a slash may lie: as written from the working folder, then below each folder.
    func candidates(forRelative path: String) -> [String] {
        let file = path.hasSuffix(".so") ? path : path + ".so"
        return [file] + folders.map { "\($0)/\(file)" }
    }

    /// The last part of a path, without `.so`.
    static func baseName(_ path: String) -> String {
        let name = FileSystem.name(of: path)
        return name.hasSuffix(".so") ? String(name.dropLast(3)) : name
    }

    /// Whether a path names a module where another server of the family keeps its own, so that ours of that name is
    /// meant: `…/lib/ser/modules/tm.so`, `…/lib64/kamailio/modules_k/…`, `modules/tm/tm.so`.
    static func isForeign(_ path: String) -> Bool {
        let parts = path.split(separator: "/").map(String.init)
        guard parts.count >= 2 else { return false }
        let folders = parts.dropLast()
        if folders.contains(where: { ["modules", "modules_k", "modules_s"].contains($0) }) {
            let servers: Set = ["ser", "openser", "kamailio", "opensips", "sip-router"]
            if folders.contains(where: { servers.contains($0) || servers.contains($0.lowercased()) }) { return true }
            // A source tree: modules/tm/tm.so.
            let base = baseName(path)
            return folders.count >= 2 && folders.last == base && folders.dropLast().last?.hasPrefix("modules") == true
        }
        return false
    }
}
