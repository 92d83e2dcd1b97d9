import BinRPC
import JSON

/// Further names of users, where the server looks for them: a table of usrloc's (`lookup("aliases")`), or one of the database (`alias_db_lookup`).
struct Aliases {
    enum Place: Equatable {
        case usrloc, database
    }

    private let session: Session
    private let place: Place
    private let table: String

    /// - Parameter place: nil: as ALIASES_TYPE says; else usrloc when the server that runs has that table.
    init(_ session: Session, _ place: Place? = nil) throws(Failure) {
        self.session = session
        switch (place, session.settings["ALIASES_TYPE"]?.uppercased()) {
        case (let place?, _): self.place = place
        case (nil, "UL"): self.place = .usrloc
        case (nil, .some): self.place = .database
        case (nil, nil): self.place = session.fifo != nil || Aliases.isKept(by: session) ? .usrloc : .database
        }
        table = session.settings["ALS_TABLE"] ?? (self.place == .usrloc ? "aliases" : "dbaliases")
    }

    /// Whether usrloc of the server that runs has the table.
    private static func isKept(by session: Session) -> Bool {
        guard let values = try? session.call("stats.get_statistics", [.text("usrloc:")]) else { return false }
        // What stands between the words is the server's stats_name_separator.
        return values.json.text.split(separator: "usrloc:aliases").dropFirst()
            .contains { $0.prefix { $0 != " " }.hasSuffix("users") }
    }

    func show(_ name: String?) throws(Failure) {
        let contacts = Contacts(session, table: table)
        guard place == .database else {
            guard let name else { return try contacts.dump(isBrief: false) }
            return try contacts.show(name)
        }
        let file = try session.database()
        var condition = ""
        var values: [String] = []
        if let name {
            let alias = try Account(name, session.settings)
            condition = "WHERE alias_username = ? AND alias_domain = ? COLLATE NOCASE"
            values = alias.key
        }
        let rows = try file.rows(
            """
            SELECT alias_username, alias_domain, username, domain FROM \(SQLiteFile.quoted(table)) \(condition)
            ORDER BY alias_username, alias_domain
            """, values
        ).rows.map { $0.map { $0 ?? "" } }
        if let name, rows.isEmpty { throw .refused(code: 404, text: "Alias \(name) in table \(table) not found") }
        if session.json {
            return Output.json(
                .array(
                    rows.map {
                        .fields([("alias", .string("\($0[0])@\($0[1])")), ("uri", .string("sip:\($0[2])@\($0[3])"))])
                    }))
        }
        for row in rows {
            Output.line((name == nil ? "\(row[0])@\(row[1]) " : "") + "<sip:\(row[2])@\(row[3])>")
        }
    }

    /// Refuses what is a user's name already, or an alias.
    func add(_ name: String, _ uri: String) throws(Failure) {
        try SIPAddress.check(uri)
        if let account = try? Account(name, session.settings), (try? Subscribers(session).has(account)) == true {
            throw .refused("overlap of alias with an existing subscriber name")
        }
        let contacts = Contacts(session, table: table)
        if place == .usrloc {
            if (try? session.call("ul.lookup", [.text(table), .text(contacts.address(name))])) != nil {
                throw .refused("alias already defined: \(name)")
            }
            return try contacts.add(name, uri, expires: 0, path: nil)
        }
        let alias = try Account(name, session.settings)
        let target = try Account(uri, session.settings)
        let file = try session.database()
        try file.transaction { () throws(Failure) in
            let there = try file.rows(
                "SELECT 1 FROM \(SQLiteFile.quoted(table)) WHERE alias_username = ? AND alias_domain = ? COLLATE NOCASE",
                alias.key)
            if !there.rows.isEmpty { throw .refused("alias already defined: \(name)") }
            _ = try file.rows(
                """
                INSERT INTO \(SQLiteFile.quoted(table)) (alias_username, alias_domain, username, domain) VALUES (?, ?, ?, ?)
                """, alias.key + target.key)
        }
        session.tell([uri, "200 Added to table", "('\(name)','\(uri)') to '\(table)'"])
    }

    func remove(_ name: String) throws(Failure) {
        guard place == .database else { return try Contacts(session, table: table).remove(name, contact: nil) }
        let alias = try Account(name, session.settings)
        let file = try session.database()
        let condition = "FROM \(SQLiteFile.quoted(table)) WHERE alias_username = ? AND alias_domain = ? COLLATE NOCASE"
        try file.transaction { () throws(Failure) in
            guard try !file.rows("SELECT 1 \(condition)", alias.key).rows.isEmpty else {
                throw .refused(code: 404, text: "Alias \(name) in table \(table) not found")
            }
            _ = try file.rows("DELETE \(condition)", alias.key)
        }
        session.tell(["200 user (\(table), \(name)) deleted"])
    }
}
