import BinRPC
import JSON

/// The domains that the server is responsible for: the table of the module domain.
struct Domains {
    private let session: Session
    private let file: SQLiteFile
    private let table: String

    init(_ session: Session) throws(Failure) {
        self.session = session
        file = try session.database()
        table = SQLiteFile.quoted(session.settings["DOMAIN_TABLE"] ?? "domain")
    }

    func show() throws(Failure) {
        let rows = try file.rows("SELECT domain, did FROM \(table) ORDER BY domain").rows
        if session.json {
            return Output.json(
                .array(
                    rows.map { row in
                        .fields([("domain", .string(row[0] ?? ""))] + (row[1].map { [("did", .string($0))] } ?? []))
                    }))
        }
        for (index, row) in rows.enumerated() {
            let number = String(index)
            Output.line(
                String(repeating: " ", count: max(0, 4 - number.count)) + number + " " + (row[0] ?? "").printable)
        }
    }

    func add(_ domain: String) throws(Failure) {
        let name = try Account("x@\(domain)", session.settings).domain.lowercased()
        try file.transaction { () throws(Failure) in
            if try has(name) { throw .refused("domain already exists: \(name)") }
            _ = try file.rows("INSERT INTO \(table) (domain, last_modified) VALUES (?, julianday('now'))", [name])
        }
        session.tellServer("domain.reload", of: "domain")
        try show()
    }

    func remove(_ domain: String) throws(Failure) {
        let name = domain.lowercased()
        try file.transaction { () throws(Failure) in
            if try !has(name) { throw .refused("there is no domain \(name)") }
            _ = try file.rows("DELETE FROM \(table) WHERE domain = ?", [name])
        }
        session.tellServer("domain.reload", of: "domain")
        try show()
    }

    private func has(_ name: String) throws(Failure) -> Bool {
        try !file.rows("SELECT 1 FROM \(table) WHERE domain = ?", [name]).rows.isEmpty
    }
}
