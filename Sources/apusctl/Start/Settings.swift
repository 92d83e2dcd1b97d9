import Glibc

/// What the environment and the file `apusctlrc` say, by the names that serctl and kamctl use. The environment wins.
struct Settings {
    private let environment: [String: String]
    private let file: [String: String]

    init(environment: [String: String], file: [String: String] = [:]) {
        self.environment = environment
        self.file = file
    }

    /// Reads the files: one that is named, or `/etc/apus/apusctlrc`, the one beside the program's installation, and `~/.apusctlrc`, of which a
    /// later one overrides.
    /// - Parameter warn: gets what is not understood; nothing of that stops a verb.
    static func read(_ config: String?, warn: (String) -> Void) throws(Failure) -> Settings {
        let environment = Settings.processEnvironment
        var values: [String: String] = [:]
        let named = config ?? environment["APUSCTLRC"]
        for path in named.map({ [$0] }) ?? Settings.usualFiles(environment) {
            guard let text = readFile(path) else {
                if named != nil { throw .usage("\(path): \(String(cString: strerror(errno)))") }
                continue
            }
            let (found, complaints) = RCFile.parse(text)
            values.merge(found) { $1 }
            for complaint in complaints { warn("\(path):\(complaint)") }
        }
        return Settings(environment: environment, file: values)
    }

    /// The value of the first of these names that has one; empty counts as none.
    subscript(names: String...) -> String? {
        for source in [environment, file] {
            for name in names { if let value = source[name], !value.isEmpty { return value } }
        }
        return nil
    }

    private static func usualFiles(_ environment: [String: String]) -> [String] {
        var files = ["/etc/apus/apusctlrc"]
        if let folder = programFolder { files.append(parent(of: folder) + "/etc/apus/apusctlrc") }
        if let home = environment["HOME"] { files.append(home + "/.apusctlrc") }
        return files
    }

    private static var processEnvironment: [String: String] {
        var result: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            let parts = String(cString: entry).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { result[String(parts[0])] = String(parts[1]) }
            next += 1
        }
        return result
    }
}
