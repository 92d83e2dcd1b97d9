/// Who is in which group: the table of the module group.
struct Groups {
    private let file: SQLiteFile
    private let settings: Settings
    private let table: String
    let subscribers: Subscribers

    init(_ session: Session) throws(Failure) {
        subscribers = try Subscribers(session)
        file = try session.database()
        settings = session.settings
        table = SQLiteFile.quoted(settings["ACL_TABLE"] ?? "grp")
    }

    struct Membership {
        let user: String
        let domain: String
        let group: String
        let modified: String
    }

    /// Of one account, or of all.
    func memberships(_ account: Account?) throws(Failure) -> [Membership] {
        let condition = account == nil ? "" : "WHERE \(Account.isOf)"
        let rows = try file.rows(
            "SELECT username, domain, grp, datetime(last_modified) FROM \(table) \(condition) ORDER BY username, domain, grp",
            account?.key ?? []
        ).rows
        return rows.map {
            Membership(user: $0[0] ?? "", domain: $0[1] ?? "", group: $0[2] ?? "", modified: $0[3] ?? "")
        }
    }

    /// - Returns: those that are no groups here (ACL_GROUPS), which are left out.
    func grant(_ account: Account, _ groups: [String]) throws(Failure) -> [String] {
        let known = settings["ACL_GROUPS"]?.split(separator: " ").map { String($0) } ?? Groups.usual
        let isChecked = !["0", "no"].contains(settings["VERIFY_ACL"]?.lowercased() ?? "1")
        let ignored = isChecked ? groups.filter { !known.contains($0) } : []
        try file.transaction { () throws(Failure) in
            let stored = try subscribers.stored(account)
            if isChecked, stored == nil { throw .refused("non-existent user") }
            for group in groups where !ignored.contains(group) {
                _ = try file.rows(
                    """
                    INSERT OR IGNORE INTO \(table) (username, domain, grp, last_modified)
                    VALUES (?, ?, ?, julianday('now'))
                    """, (stored ?? account).key + [group])
            }
        }
        return ignored
    }

    /// - Parameter group: nil: all.
    func revoke(_ account: Account, _ group: String?) throws(Failure) {
        _ = try file.rows(
            "DELETE FROM \(table) WHERE \(Account.isOf)" + (group == nil ? "" : " AND grp = ?"),
            account.key + (group.map { [$0] } ?? []))
    }

    /// Those that serctl comes with.
    private static let usual = ["local", "ld", "int", "voicemail", "free-pstn", "prepaid"]
}
