import Glibc

/// The tables that come with the server: a file each, `TABLE.sql`, which makes the table and enters its version into the table `version`.
struct Schema {
    let folder: String
    /// `version` first: the others enter themselves there.
    let tables: [String]

    /// Of an installation, or of the tree that the program was built in.
    init(_ settings: Settings) throws(Failure) {
        var candidates = settings["APUS_SCHEMA"].map { [$0] } ?? []
        if candidates.isEmpty, let program = programFolder {
            candidates.append(parent(of: program) + "/share/apus/db/sqlite")
            var folder = program
            for _ in 0..<3 {
                folder = parent(of: folder)
                candidates.append(folder + "/share/db/sqlite")
            }
        }
        guard let found = candidates.first(where: { access($0 + "/version.sql", R_OK) == 0 }) else {
            throw .refused("there is no folder with tables: looked for \(candidates.joined(separator: ", "))")
        }
        folder = found
        let names = Schema.files(in: found).filter { $0.hasSuffix(".sql") }.map { String($0.dropLast(4)) }
        tables = ["version"] + names.filter { $0 != "version" }.sorted()
    }

    func sql(of table: String) throws(Failure) -> String {
        guard let text = readFile("\(folder)/\(table).sql") else {
            throw .refused("\(folder)/\(table).sql: \(systemError())")
        }
        return text
    }

    private static func files(in folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            names.append(
                withUnsafePointer(to: &entry.pointee.d_name) { name in
                    name.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                })
        }
        return names
    }
}
