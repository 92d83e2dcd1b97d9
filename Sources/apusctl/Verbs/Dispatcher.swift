import BinRPC
import JSON

extension Verb {
    static let dispatcher = Verb(
        names: ["dispatcher"], group: .sip, arguments: Dispatcher.usage,
        summary: "the destinations that calls are spread over",
        details: """
            list     one a line: set, URI, state, priority, calls, attributes; also show,
                     dump, memory
            state    a (active), i (inactive), t (trying) or d (disabled), the first three
                     with a p behind them: probed; of one destination of a set, or of all
            reload   reads the list or the table again; dry only tells what would change
            add      a destination more, until the next reload
            rm       one less, until the next reload; also remove
            rmip     the same of all destinations with that host
            rmset    the same of a whole set
            The server has these commands with loadmodule "dispatcher.so". What is to stay
            is written into the list, or the table: `apusctl db show dispatcher`.
            """,
        count: 1...6, firstWords: Dispatcher.words
    ) { session throws(Failure) in
        try session.refuseFIFO()
        let dispatcher = Dispatcher(session)
        let words = session.arguments.dropFirst()
        switch (session.arguments[0], words.count) {
        case ("list", 0...1), ("show", 0...1), ("dump", 0...1), ("memory", 0...1): try dispatcher.list(words.first)
        case ("state", 3), ("set_state", 3): try dispatcher.tell("dispatcher.set_state", Array(words))
        case ("reload", 0): try dispatcher.tell("dispatcher.reload", [])
        case ("reload", 1) where words.first == "dry": try dispatcher.tell("dispatcher.reload", ["dry"])
        case ("add", 2...5): try dispatcher.tell("dispatcher.add", Array(words))
        case ("rm", 2), ("remove", 2): try dispatcher.tell("dispatcher.remove", Array(words))
        case ("rmip", 1): try dispatcher.remove { Dispatcher.host(of: $0.uri) == session.arguments[1] }
        case ("rmset", 1): try dispatcher.remove { $0.set == session.arguments[1] }
        default: throw .words("dispatcher", session.arguments, among: Dispatcher.words, usage: Dispatcher.usage)
        }
    }
}

/// Commands of the module dispatcher.
struct Dispatcher {
    static let usage =
        "list [set] | state <a|i|t|d|ap|ip|tp> <set> <uri|all> | reload [dry] | "
        + "add <set> <uri> [flags [priority [attrs]]] | rm <set> <uri> | rmip <host> | rmset <set>"
    static let words = [
        "list", "show", "dump", "memory", "state", "set_state", "reload", "add", "rm", "remove", "rmip", "rmset",
    ]

    /// One of the server's list.
    struct Destination: Equatable {
        let set: String
        let uri: String
        let state: String
        let priority: String
        /// Empty: they are not counted.
        let calls: String
        let attributes: String
    }

    private let session: Session

    init(_ session: Session) { self.session = session }

    /// Executes a command whose arguments are texts, and prints its answer.
    func tell(_ command: String, _ words: [String]) throws(Failure) {
        session.show(try session.call(command, words.map { .text($0) }, of: "dispatcher", usually: 30))
    }

    func list(_ set: String?) throws(Failure) {
        if let set, Int32(set) == nil { throw .usage("`\(set)` is no number of a set") }
        let values = try session.call("dispatcher.list", of: "dispatcher", usually: 30)
        if session.json, set == nil { return Output.json(values.json) }
        let all = Dispatcher.destinations(values).filter { set == nil || $0.set == set }
        if let set, all.isEmpty { throw .refused("there is no set \(set)") }
        if session.json {
            let chosen = values.flatMap { $0.all(named: "SET") }.filter { $0["ID"]?.plain == set }
            return Output.json(chosen.json)
        }
        let rows = all.map { [$0.set, $0.uri, $0.state, $0.priority, $0.calls, $0.attributes] }
        for line in Columns.lines([["set", "uri", "state", "priority", "calls", "attributes"]] + rows) {
            Output.line(line.printable)
        }
    }

    /// Removes all that are meant, one by one; what they are is printed.
    func remove(_ isMeant: (Destination) -> Bool) throws(Failure) {
        let values = try session.call("dispatcher.list", of: "dispatcher", usually: 30)
        var told: Set<String> = []
        // One command removes all of a URI.
        let meant = Dispatcher.destinations(values).filter {
            isMeant($0) && told.insert("\($0.set) \($0.uri)").inserted
        }
        guard !meant.isEmpty else { throw .refused("there is no such destination") }
        for one in meant {
            _ = try session.call("dispatcher.remove", [.text(one.set), .text(one.uri)], of: "dispatcher")
        }
        if session.json {
            Output.json(.array(meant.map { .fields([("set", .string($0.set)), ("uri", .string($0.uri))]) }))
        } else {
            for one in meant { Output.line("removed: \(one.set) \(one.uri)".printable) }
        }
    }

    /// What `dispatcher.list` answers.
    static func destinations(_ values: [RPCValue]) -> [Destination] {
        values.flatMap { $0.all(named: "SET") }.flatMap { set in
            set.all(named: "DEST").map { one in
                Destination(
                    set: set["ID"]?.plain ?? "", uri: one["URI"]?.plain ?? "", state: one["FLAGS"]?.plain ?? "",
                    priority: one["PRIORITY"]?.plain ?? "", calls: one["RUNTIME"]?["DLGLOAD"]?.plain ?? "",
                    attributes: one["ATTRS"]?["BODY"]?.plain ?? "")
            }
        }
    }

    /// The host of a SIP URI, an IPv6 address without its brackets.
    static func host(of uri: String) -> String {
        var rest = uri[...]
        if let colon = rest.firstIndex(of: ":") { rest = rest[rest.index(after: colon)...] }
        if let at = rest.firstIndex(of: "@") { rest = rest[rest.index(after: at)...] }
        if rest.first == "[" { return String(rest.dropFirst().prefix { $0 != "]" }) }
        return String(rest.prefix { !":;?>".contains($0) })
    }
}
