/// Words with a meaning of their own.
enum Keywords {
    /// Begin a block at top level.
    static let routes: [String: Syntax.RouteKind] = [
        "route": .request, "request_route": .request, "failure_route": .failure, "reply_route": .reply,
        "onreply_route": .reply, "branch_route": .branch, "onsend_route": .onsend, "event_route": .event,
        "local_route": .event,
    ]

    /// Begin a statement at top level, besides parameters and routes.
    static let globals: Set<String> = [
        "loadmodule", "loadmodulex", "modparam", "modparamx", "loadpath", "mpath", "listen", "socket", "alias",
        "domain",
        "flags", "bool", "avpflags", "include_file", "import_file", "cfgengine",
    ]

    /// Numbers in disguise.
    static let booleans: [String: Int64] = [
        "yes": 1, "true": 1, "on": 1, "enable": 1, "no": 0, "false": 0, "off": 0, "disable": 0,
    ]

    /// Address families, also in upper case.
    static let families: [String: Int64] = ["inet": 2, "ipv4": 2, "inet6": 10, "ipv6": 10]

    static let statements: Set<String> = [
        "if", "else", "while", "switch", "case", "default", "break", "return", "exit", "drop",
    ]

    static let operators: Set<String> = [
        "and", "or", "not", "mod", "eq", "ne", "ieq", "ine", "defined", "strlen", "strempty", "selval",
    ]

    /// Condition words and how they are spelt; `msg:len` is put together from three tokens.
    static let conditions: [String: Syntax.Condition.Word] = {
        var words = Dictionary(uniqueKeysWithValues: Syntax.Condition.Word.allCases.map { ($0.rawValue, $0) })
        words["msg:len"] = nil
        words["status"] = .uri
        return words
    }()

    static let transports: [String: Syntax.Transport] = {
        var words: [String: Syntax.Transport] = [:]
        for transport in Syntax.Transport.allCases {
            words[transport.rawValue] = transport
            words[transport.rawValue.uppercased()] = transport
        }
        return words
    }()

    /// The value of a word that is a number: a boolean, an address family, `max_len`.
    static func number(_ word: String) -> Int64? {
        if let value = booleans[word] { return value }
        if word == "max_len" { return 65535 }
        return families[word] ?? (word == word.uppercased() ? families[word.lowercased()] : nil)
    }

    /// Words that no define can take the place of.
    static let reserved: Set<String> = {
        var words = statements.union(operators).union(globals).union(routes.keys).union(booleans.keys)
        words.formUnion(conditions.keys)
        words.formUnion(transports.keys)
        words.formUnion(CoreNames.functions)
        words.formUnion(["myself", "max_len", "msg"])
        for family in families.keys { words.formUnion([family, family.uppercased()]) }
        for global in Global.all where !global.isOurs { words.formUnion([global.name] + global.aliases) }
        return words
    }()
}
