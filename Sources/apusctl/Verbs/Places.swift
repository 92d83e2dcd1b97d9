import Glibc

extension Verb {
    static let ul = Verb(
        names: ["ul", "usrloc"], group: .users, arguments: Places.contactUsage,
        summary: "where users can be reached: the server's contacts",
        details: """
            show     the contacts of a user; of all, which may take long, after a question
                     that --yes answers; with --brief whose they are only
            online   who has a contact
            add      one for ever, or for so many seconds, with a path
            rm       all of a user, or one
            The server needs loadmodule "usrloc.so". UL_TABLE names another table than
            location.
            """,
        count: 1...5, firstWords: Places.contactWords, takesAnything: true
    ) { session throws(Failure) in
        let contacts = Contacts(session, table: session.settings["UL_TABLE"] ?? "location")
        let options = session.arguments.filter { $0.hasPrefix("--") }
        let words = session.arguments.filter { !$0.hasPrefix("--") }
        if let option = options.first(where: { !["--yes", "--brief"].contains($0) }) {
            throw .usage("ul has no option \(option)")
        }
        switch (words.first ?? "", words.count) {
        case ("show", 1):
            let isBrief = options.contains("--brief")
            if !isBrief, !session.json, !options.contains("--yes") { try Places.askPatience() }
            try contacts.dump(isBrief: isBrief)
        case ("show", 2): try contacts.show(words[1])
        case ("online", 1): try contacts.online()
        case ("add", 3...5):
            let expires = words.count > 3 ? Int64(words[3]) : 0
            guard let expires, expires >= 0 else { throw .usage("ul add: `\(words[3])` is no number of seconds") }
            try contacts.add(words[1], words[2], expires: expires, path: words.count > 4 ? words[4] : nil)
        case ("rm", 2...3): try contacts.remove(words[1], contact: words.count > 2 ? words[2] : nil)
        default: throw .words("ul", words, among: Places.contactWords, usage: Places.contactUsage)
        }
    }

    static let alias = Verb(
        names: ["alias"], group: .users, arguments: Places.aliasUsage, summary: "further names of users",
        details: """
            They are kept by usrloc when the server's script has lookup("aliases"), else in
            the database for alias_db_lookup; ALIASES_TYPE=UL or DB says which, and the verb
            alias_db means the database.
            """,
        count: 1...3, firstWords: Places.aliasWords
    ) { session throws(Failure) in try Places.alias(try Aliases(session), session.arguments, "alias") }

    static let aliasDB = Verb(
        names: ["alias_db"], group: .users, arguments: Places.aliasUsage,
        summary: "further names of users, in the database",
        count: 1...3, firstWords: Places.aliasWords
    ) { session throws(Failure) in try Places.alias(try Aliases(session, .database), session.arguments, "alias_db") }

    static let domain = Verb(
        names: ["domain"], group: .users, arguments: Places.domainUsage,
        summary: "the domains that the server is responsible for",
        details: """
            Changes are made in the database; a server that runs reads it again.
            """,
        count: 1...2, firstWords: Places.domainWords
    ) { session throws(Failure) in
        let words = session.arguments
        switch (words[0], words.count) {
        case ("show", 1): try Domains(session).show()
        case ("add", 2): try Domains(session).add(words[1])
        case ("rm", 2): try Domains(session).remove(words[1])
        default: throw .words("domain", words, among: Places.domainWords, usage: Places.domainUsage)
        }
    }
}

enum Places {
    static let contactUsage = "show [user]|online|add <user> <uri> [expires [path]]|rm <user> [contact]"
    static let contactWords = ["show", "online", "add", "rm"]
    static let aliasUsage = "show [alias]|add <alias> <uri>|rm <alias>"
    static let aliasWords = ["show", "add", "rm"]
    static let domainUsage = "show|add <domain>|rm <domain>"
    static let domainWords = ["show", "add", "rm"]

    static func alias(_ aliases: Aliases, _ words: [String], _ verb: String) throws(Failure) {
        switch (words[0], words.count) {
        case ("show", 1...2): try aliases.show(words.count > 1 ? words[1] : nil)
        case ("add", 3): try aliases.add(words[1], words[2])
        case ("rm", 2): try aliases.remove(words[1])
        default: throw .words(verb, words, among: aliasWords, usage: aliasUsage)
        }
    }

    /// A million lines are seldom wanted.
    fileprivate static func askPatience() throws(Failure) {
        guard isatty(STDIN_FILENO) == 1 else { return }
        Output.write("Dumping all contacts may take long: are you sure you want to proceed? [Y|N] ")
        guard readLine()?.lowercased().hasPrefix("y") == true else { throw .silent(exitCode: 1) }
    }
}
