import Glibc
import JSON

extension Verb {
    static let add = Verb(
        names: ["add"], group: .users, arguments: "<user[@domain]> [password|- [email]]",
        summary: "make somebody who may register",
        details: """
            Without a domain it is the one in SIP_DOMAIN: the realm that phones are asked
            for. Without a password that of PW, or it is asked for; `-` reads a line of
            standard input. STORE_PLAINTEXT_PW=0 stores hashes only, for
            modparam("auth_db", "calculate_ha1", 0).
            """,
        count: 1...3
    ) { session throws(Failure) in
        let words = session.arguments
        let account = try Account(words[0], session.settings)
        let subscribers = try Subscribers(session)
        // Before a password is asked for in vain.
        if try subscribers.has(account) { throw .refused("user already exists") }
        let password = try Password.read(words.count > 1 ? words[1] : nil, for: words[0], session.settings)
        let hasURI = try subscribers.add(account, password: password, email: words.count > 2 ? words[2] : nil)
        session.tell(["new user added"] + (hasURI ? ["new user into uri table added"] : []))
    }

    static let passwd = Verb(
        names: ["passwd"], group: .users, arguments: "<user[@domain]> [password|-]",
        summary: "give somebody another password",
        count: 1...2
    ) { session throws(Failure) in
        let words = session.arguments
        let account = try Account(words[0], session.settings)
        let subscribers = try Subscribers(session)
        guard try subscribers.has(account) else { throw .refused("non-existent user") }
        let password = try Password.read(words.count > 1 ? words[1] : nil, for: words[0], session.settings)
        try subscribers.setPassword(account, password)
        session.forgetPasswords()
        session.tell(["password change succeeded"])
    }

    static let rm = Verb(
        names: ["rm"], group: .users, arguments: "<user[@domain]>",
        summary: "remove somebody, groups and contacts included",
        details: """
            The contacts go from the server's memory when it runs, and with it from its
            database.
            """,
        count: 1...1
    ) { session throws(Failure) in
        let account = try Account(session.arguments[0], session.settings)
        try Subscribers(session).remove(account)
        session.forgetPasswords()
        try session.forgetContacts(of: account)
        session.tell(["user removed"])
    }

    static let show = Verb(
        names: ["show"], group: .users, arguments: "<user[@domain]>", summary: "what the database has of somebody",
        details: "Neither the password nor its hashes.", count: 1...1
    ) { session throws(Failure) in
        let account = try Account(session.arguments[0], session.settings)
        let row = try Subscribers(session).row(account).filter { !["password", "ha1", "ha1b"].contains($0.name) }
        if session.json {
            return Output.json(.fields(row.compactMap { column in column.value.map { (column.name, .string($0)) } }))
        }
        for (name, value) in row { Output.line("\(name): \((value ?? "NULL").printable)") }
    }

    static let setColumn = Verb(
        names: ["sets", "setn"], group: .users, arguments: "<user[@domain]> <column> <value>",
        summary: "set a column of somebody's row: a text, or with setn a number", count: 3...3
    ) { session throws(Failure) in
        let words = session.arguments
        if session.invocation.verb == "setn", Double(words[2]) == nil {
            throw .usage("setn: `\(words[2])` is no number")
        }
        try Subscribers(session).set(try Account(words[0], session.settings), words[1], to: words[2])
        session.tell(["\(words[1]) set"])
    }

    static let acl = Verb(
        names: ["acl"], group: .users, arguments: Acl.usage, summary: "who is in which group",
        details: """
            show     the groups of a user, or of all
            grant    makes a user a member
            revoke   ends that; without a group, of all groups
            Groups are those of ACL_GROUPS, by default local ld int voicemail free-pstn
            prepaid; with VERIFY_ACL=0 any.
            """,
        count: 1...32, firstWords: Acl.words
    ) { session throws(Failure) in
        let words = session.arguments
        let limit = words[0] == "grant" ? 3...32 : words[0] == "revoke" ? 2...3 : 1...2
        guard Acl.words.contains(words[0]), limit.contains(words.count) else {
            throw .words("acl", words, among: Acl.words, usage: Acl.usage)
        }
        let account: Account? = words.count > 1 ? try Account(words[1], session.settings) : nil
        let groups = try Groups(session)
        if let account, words[0] == "grant" {
            for group in try groups.grant(account, Array(words.dropFirst(2))) {
                Output.complain("Invalid privilege: \(group) ignored")
            }
        } else if let account, words[0] == "revoke" {
            try groups.revoke(account, words.count > 2 ? words[2] : nil)
        }
        Acl.show(try groups.memberships(account), session)
    }
}

enum Acl {
    static let usage = "show [user]|grant <user> <group>...|revoke <user> [group]"
    static let words = ["show", "grant", "revoke"]

    static func show(_ memberships: [Groups.Membership], _ session: Session) {
        if session.json {
            return Output.json(
                .array(
                    memberships.map {
                        .fields([
                            ("user", .string($0.user)), ("domain", .string($0.domain)), ("grp", .string($0.group)),
                            ("last_modified", .string($0.modified)),
                        ])
                    }))
        }
        guard !memberships.isEmpty else { return }
        for line in frame([["user", "grp", "last_modified"]] + memberships.map { [$0.user, $0.group, $0.modified] }) {
            Output.line(line)
        }
    }

    /// Rows in a frame as mysql(1) draws it; the first are the headings.
    private static func frame(_ rows: [[String]]) -> [String] {
        let rows = rows.map { $0.map(\.printable) }
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        let rule = "+" + widths.map { String(repeating: "-", count: $0 + 2) }.joined(separator: "+") + "+"
        let lines = rows.map { row in
            "|"
                + zip(row, widths).map { " \($0)" + String(repeating: " ", count: $1 - $0.count + 1) }.joined(
                    separator: "|") + "|"
        }
        return [rule, lines[0], rule] + lines.dropFirst() + [rule]
    }
}

extension Session {
    /// Lines that say what was done.
    func tell(_ lines: [String]) {
        if json { return Output.json(.fields([("done", .array(lines.map { .string($0) }))])) }
        for line in lines { Output.line(line) }
    }

    /// A server that remembers passwords (`cache_time` of auth_db) asks the database again. One that does not run has forgotten them.
    fileprivate func forgetPasswords() { _ = try? call("auth_db.flush") }

    /// The server's contacts of somebody; it leaves the domain out where names have none (use_domain).
    func forgetContacts(of account: Account) throws(Failure) {
        let name = "\(account.user)@\(account.domain)"
        do { _ = try call("ul.rm", [.text(settings["UL_TABLE"] ?? "location"), .text(name)]) } catch {
            switch error {
            // There are none, or no usrloc: nothing is left behind.
            case .refused: break
            case .unreachable:
                Output.complain(
                    "apusctl: the server does not run: contacts that its database has stay there until they expire")
            default: throw error
            }
        }
    }
}
