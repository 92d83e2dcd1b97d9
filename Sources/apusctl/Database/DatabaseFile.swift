import Glibc

/// Which file has the database's tables.
enum DatabaseFile {
    /// The server's own.
    static let usual = "/var/lib/apus/apus.db"

    /// What the settings say, else the server's own.
    static func path(_ settings: Settings) throws(Failure) -> String {
        try path(of: settings["APUS_DB", "DB_PATH", "DBURL"] ?? usual)
    }

    /// What stands behind `sqlite://`; a path is one.
    static func path(of url: String) throws(Failure) -> String {
        guard let end = url.firstRange(of: "://") else { return url }
        guard url[..<end.lowerBound].lowercased() == "sqlite" else {
            throw .usage("apusctl opens databases of sqlite:// only, not \(url[..<end.lowerBound])://")
        }
        let path = String(url[end.upperBound...])
        if path.isEmpty { throw .usage("\(url) names no file") }
        return path
    }
}

extension Session {
    /// The database that the settings name; a file that is missing is an error that says how one is made.
    func database() throws(Failure) -> SQLiteFile {
        let path = try DatabaseFile.path(settings)
        do { return try SQLiteFile(path, creating: false) } catch {
            guard case .refused(let code, let text) = error, text.hasSuffix(systemError(ENOENT)) else { throw error }
            throw .refused(code: code, text: "\(text); apusctl db create \(path) makes it, APUS_DB names another")
        }
    }
}
