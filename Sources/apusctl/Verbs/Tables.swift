import JSON

extension Verb {
    static let db = Verb(
        names: ["db"], group: .database, arguments: Tables.usage, summary: "make the tables of a database, show one",
        details: """
            create   makes what is missing of the tables that modules know, or only those
                     named; a file that is missing is made, a table that is there is kept
            show     prints the rows of a table
            The url is sqlite:////path/of/file, or the path. Without it the settings
            APUS_DB, DB_PATH or DBURL say which, or it is the server's own database,
            /var/lib/apus/apus.db. `apusctl rpc db.exec` asks a running server.
            """,
        count: 1...32, firstWords: Tables.words
    ) { session throws(Failure) in
        let words = session.arguments
        switch words[0] {
        case "create": try Tables(session, words.dropFirst()).create()
        case "show": try Tables(session, words.dropFirst()).show()
        default: throw .words("db", words, among: Tables.words, usage: Tables.usage)
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
        if let first = words.first, first.contains("/") {
            path = try DatabaseFile.path(of: first)
            words = words.dropFirst()
        } else {
            path = try DatabaseFile.path(session.settings)
        }
        names = Array(words)
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
        var made: [Made] = []
        try file.transaction { () throws(Failure) in
            for table in wanted {
                let isThere = try !file.columns(of: table).isEmpty
                if !isThere { try file.execute(schema.sql(of: table)) }
                let version = try file.rows("SELECT table_version FROM version WHERE table_name = ?", [table]).rows
                made.append(Made(table: table, isNew: !isThere, version: (version.first?.first ?? nil) ?? "unknown"))
            }
        }
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
        let (columns, rows) = try file.rows("SELECT * FROM \(SQLiteFile.quoted(names[0]))")
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
