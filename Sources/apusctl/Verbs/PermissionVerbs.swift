extension Verb {
    static let address = Verb(
        names: ["address"], group: .users, arguments: PermissionWords.addressUsage,
        summary: "addresses that may, by groups",
        details: """
            show     what the database has
            dump     what the server goes by: hosts, networks, names
            reload   makes the server read the database again, as add and rm do
            The server has them with loadmodule "permissions.so".
            """,
        count: 1...6, firstWords: PermissionWords.all
    ) { session throws(Failure) in
        try PermissionWords.act(
            Permissions(session, .addresses), "address", session.arguments, adding: 2...5, removing: 2...4,
            usage: PermissionWords.addressUsage)
    }

    static let trusted = Verb(
        names: ["trusted"], group: .users, arguments: PermissionWords.trustedUsage,
        summary: "peers that are trusted without a password",
        details: """
            show     what the database has
            dump     what the server keeps (db_mode 1)
            reload   makes the server read the database again, as add and rm do
            The server has them with loadmodule "permissions.so".
            """,
        count: 1...7, firstWords: PermissionWords.all
    ) { session throws(Failure) in
        try PermissionWords.act(
            Permissions(session, .trusted), "trusted", session.arguments, adding: 2...6, removing: 1...2,
            usage: PermissionWords.trustedUsage)
    }
}

private enum PermissionWords {
    static let addressUsage =
        "show|dump|reload|add <group> <address> [mask [port [tag]]]|rm <group> <address> [mask [port]]"
    static let trustedUsage =
        "show|dump|reload|add <source> <transport> [from [request-uri [tag [priority]]]]|rm <source> [transport]"
    static let all = ["show", "dump", "reload", "add", "rm"]

    static func act(
        _ permissions: Permissions, _ verb: String, _ words: [String], adding: ClosedRange<Int>,
        removing: ClosedRange<Int>, usage: String
    ) throws(Failure) {
        let rest = Array(words.dropFirst())
        switch words[0] {
        case "show" where rest.isEmpty: try permissions.show()
        case "dump" where rest.isEmpty: try permissions.dump()
        case "reload" where rest.isEmpty: try permissions.reload()
        case "add" where adding.contains(rest.count): try permissions.add(rest)
        case "rm" where removing.contains(rest.count): try permissions.remove(rest)
        default: throw .words(verb, words, among: all, usage: usage)
        }
    }
}
