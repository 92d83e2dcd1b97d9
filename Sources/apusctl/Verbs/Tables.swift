import JSON

extension Verb {
    static let db = Verb(
        names: ["db"], group: .database, arguments: Tables.usage, summary: "make the tables of a database, show one",
        details: """
            create   makes what is missing of the tables that modules know, or only those
                     named; a file that is missing is made, a table that is there is kept
            show     prints the rows of a table
            The url is sqlite:////path/of/file, or the path. Without it the settings
            APUS_DB or DB_PATH say which, or it is the server's own database,
            /var/lib/apus/apus.db. `apusctl rpc db.exec` asks a running server.
            """,
        count: 1...32, firstWords: Tables.words
    ) { session throws(Failure) in
        let words = session.arguments
        switch words[0] {
        case "create": try Tables(session, words.dropFirst()).create()
        case "show": try Tables(session, words.dropFirst()).show()
        default:
            let hint = Suggestion.closest(to: words[0], among: Tables.words).map { "; did you mean `\($0)`?" }
            throw .usage("db: there is no `\(words[0])`\(hint ?? ""): apusctl db \(Tables.usage)")
        }
    }
}

/// The tables of a database, before there is a server that uses them.
struct Tables {
    static let usage = "create|show [url] [table...]"
    static let words = ["create", "show"]

    private let session: Session
    private let path: String
    private let names: [String]

    init(_ session: Session, _ words: ArraySlice<String>) throws(Failure) {
        self.session = session
        var words = words
        var url = session.settings["APUS_DB", "DB_PATH"] ?? "/var/lib/apus/apus.db"
        if let first = words.first, first.contains("/") {
            url = first
            words = words.dropFirst()
        }
        path = try Tables.path(of: url)
        names = Array(words)
    }

    /// What stands behind `sqlite://`; a path is one.
    static func path(of url: String) throws(Failure) -> String {
        if let end = url.firstRange(of: "://") {
            guard url[..<end.lowerBound].lowercased() == "sqlite" else {
                throw .usage("only databases of sqlite:// are made here, not \(url[..<end.lowerBound])://")
            }
            let path = String(url[end.upperBound...])
            if path.isEmpty { throw .usage("\(url) names no file") }
            return path
        }
        return url
    }

    // MARK: - Making them

    private struct Made {
        let table: String
        let isNew: Bool
        let version: String
    }

    func create() throws(Failure) {
        let schema = try Schema(session.settings)
        if let unknown = names.first(where: { !schema.tables.contains($0) }) {
            throw .usage(
                "there is no table \(unknown): \(schema.tables.joined(separator: ", ")); a file has a slash, as ./\(unknown)"
            )
        }
        let wanted = names.isEmpty ? schema.tables : ["version"] + names.filter { $0 != "version" }
        let file = try SQLiteFile(path, creating: true)
        // All of it or nothing.
        try file.execute("BEGIN IMMEDIATE")
        var made: [Made] = []
        for table in wanted {
            let isThere = try !file.rows(
                "SELECT 1 FROM sqlite_master WHERE type IN ('table', 'view') AND name = ?", [table]
            ).rows.isEmpty
            if !isThere { try file.execute(schema.sql(of: table)) }
            let version = try file.rows("SELECT table_version FROM version WHERE table_name = ?", [table]).rows
            made.append(Made(table: table, isNew: !isThere, version: (version.first?.first ?? nil) ?? "unknown"))
        }
        try file.execute("COMMIT")
        if session.json {
            return Output.json(
                .array(
                    made.map {
                        .fields([
                            ("table", .string($0.table)), ("version", .string($0.version)),
                            ("made", .bool($0.isNew)),
                        ])
                    }))
        }
        for table in made {
            Output.line("\(table.table) version \(table.version): \(table.isNew ? "made" : "there already, kept")")
        }
        Output.line("sqlite://\(path)")
    }

    // MARK: - Showing one

    func show() throws(Failure) {
        guard names.count == 1 else { throw .usage("one table is shown: apusctl db show [url] table") }
        let file = try SQLiteFile(path, creating: false)
        let quoted = "\"" + names[0].replacing("\"", with: "\"\"") + "\""
        let (columns, rows) = try file.rows("SELECT * FROM \(quoted)")
        if session.json {
            return Output.json(
                .array(
                    rows.map { row in
                        .fields(zip(columns, row).compactMap { name, value in value.map { (name, .string($0)) } })
                    }))
        }
        Output.line(columns.joined(separator: "\t").printable)
        for row in rows { Output.line(row.map { $0 ?? "NULL" }.joined(separator: "\t").printable) }
    }
}
