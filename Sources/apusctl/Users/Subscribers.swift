/// The rows of somebody who may have a password, in the tables of auth_db, group, uri_db and the aliases.
struct Subscribers {
    private let file: SQLiteFile
    private let settings: Settings
    private let table: String
    private let aclTable: String
    private let uriTable: String

    init(_ session: Session) throws(Failure) {
        file = try session.database()
        settings = session.settings
        table = settings["SUB_TABLE"] ?? "subscriber"
        aclTable = settings["ACL_TABLE"] ?? "grp"
        uriTable = settings["URI_TABLE"] ?? "uri"
    }

    // MARK: - Who there is

    func has(_ account: Account) throws(Failure) -> Bool {
        try stored(account) != nil
    }

    /// The account with its domain as its row has it.
    func stored(_ account: Account) throws(Failure) -> Account? {
        let rows = try file.rows("SELECT domain FROM \(SQLiteFile.quoted(table)) WHERE \(Account.isOf)", account.key)
            .rows
        return rows.first.map { Account(user: account.user, domain: $0[0] ?? "") }
    }

    @discardableResult
    private func demand(_ account: Account) throws(Failure) -> Account {
        guard let stored = try stored(account) else {
            throw .refused("non-existent user \(account.user)@\(account.domain)")
        }
        return stored
    }

    /// Names and values of the columns of somebody's row.
    func row(_ account: Account) throws(Failure) -> [(name: String, value: String?)] {
        try demand(account)
        let (columns, rows) = try file.rows(
            "SELECT * FROM \(SQLiteFile.quoted(table)) WHERE \(Account.isOf)", account.key)
        return Array(zip(columns, rows[0]).map { (name: $0, value: $1) })
    }

    /// Whether another name is this one already.
    private func isAlias(_ account: Account) throws(Failure) -> Bool {
        for (table, user, domain) in [
            (settings["ALS_TABLE"] ?? "aliases", "username", "domain"), ("dbaliases", "alias_username", "alias_domain"),
        ] where try !file.columns(of: table).isEmpty {
            let rows = try file.rows(
                """
                SELECT 1 FROM \(SQLiteFile.quoted(table)) WHERE \(user) = ? AND (\(domain) = ? COLLATE NOCASE OR \(domain) = '' OR \(domain) IS NULL)
                """, account.key)
            if !rows.rows.isEmpty { return true }
        }
        return false
    }

    // MARK: - Changes

    /// What the columns for passwords get: with STORE_PLAINTEXT_PW=0 the password itself is not among it.
    private func secrets(_ account: Account, _ password: String) throws(Failure) -> [String: String] {
        let digests = try Digests(account, password: password)
        let clear = settings["STORE_PLAINTEXT_PW"] == "0" ? "" : password
        return ["password": clear, "ha1": digests.ha1, "ha1b": digests.ha1b]
    }

    /// - Returns: whether there is a row in the table of URIs, too.
    func add(_ account: Account, password: String, email: String?) throws(Failure) -> Bool {
        let there = try file.columns(of: table)
        if there.isEmpty { throw .refused("there is no table \(table): apusctl db create makes it") }
        var values = try secrets(account, password)
        values["username"] = account.user
        values["domain"] = account.domain
        if let email {
            values["email_address"] = email
            if !there.contains("email_address") {
                Output.complain("apusctl: the table \(table) has no column email_address: the address is not kept")
            }
        }
        let columns = values.keys.filter { there.contains($0) }.sorted()
        let names = columns.map { SQLiteFile.quoted($0) }.joined(separator: ", ")
        let marks = columns.map { _ in "?" }.joined(separator: ", ")
        let hasURIs = try !file.columns(of: uriTable).isEmpty
        try file.transaction { () throws(Failure) in
            if try has(account) { throw .refused("user already exists") }
            if try isAlias(account) { throw .refused("error: Overlap with an existing alias") }
            _ = try file.rows(
                "INSERT INTO \(SQLiteFile.quoted(table)) (\(names)) VALUES (\(marks))", columns.map { values[$0] ?? "" }
            )
            guard hasURIs else { return }
            _ = try file.rows(
                """
                INSERT OR REPLACE INTO \(SQLiteFile.quoted(uriTable)) (username, domain, uri_user, last_modified)
                VALUES (?, ?, ?, julianday('now'))
                """, [account.user, account.domain, account.user])
        }
        return hasURIs
    }

    func setPassword(_ account: Account, _ password: String) throws(Failure) {
        let there = try file.columns(of: table)
        try file.transaction { () throws(Failure) in
            let values = try secrets(demand(account), password).filter { there.contains($0.key) }
                .sorted { $0.key < $1.key }
            let changes =
                values.map { "\($0.key) = ?" }
                + (there.contains("datetime_modified") ? ["datetime_modified = datetime('now')"] : [])
            _ = try file.rows(
                "UPDATE \(SQLiteFile.quoted(table)) SET \(changes.joined(separator: ", ")) WHERE \(Account.isOf)",
                values.map(\.value) + account.key)
        }
    }

    /// Sets one column of somebody's row.
    func set(_ account: Account, _ column: String, to value: String) throws(Failure) {
        let there = try file.columns(of: table)
        guard there.contains(column) else {
            let hint = Suggestion.hint(for: column, among: there)
            throw .usage("the table \(table) has no column \(column)\(hint)")
        }
        try file.transaction { () throws(Failure) in
            try demand(account)
            _ = try file.rows(
                "UPDATE \(SQLiteFile.quoted(table)) SET \(SQLiteFile.quoted(column)) = ? WHERE \(Account.isOf)",
                [value] + account.key)
        }
    }

    /// All that there is of somebody but the contacts, or nothing.
    func remove(_ account: Account) throws(Failure) {
        try file.transaction { () throws(Failure) in
            try demand(account)
            for name in [aclTable, uriTable, table] where try !file.columns(of: name).isEmpty {
                _ = try file.rows(
                    "DELETE FROM \(SQLiteFile.quoted(name)) WHERE \(Account.isOf)", account.key)
            }
        }
    }
}

extension Account {
    /// The values of the columns username and domain.
    var key: [String] { [user, domain] }

    /// What rows of an account satisfy, with `key` for the marks: hosts are compared without regard to case.
    static let isOf = "username = ? AND domain = ? COLLATE NOCASE"
}
