import BinRPC

extension Verb {
    static let srv = Verb(
        names: ["srv"], group: .monitoring, arguments: Srv.usage,
        summary: "what the server is made of",
        details: """
            sockets   the addresses that it listens on
            aliases   the names that mean this server
            rpclist   its commands
            modules   the modules that it has loaded
            version   its version
            debug     how much it logs; with a number: to log that much from now on
            """,
        count: 1...2, firstWords: Srv.words, takesAnything: true
    ) { session throws(Failure) in
        try session.refuseFIFO()
        let words = session.arguments
        if words.count == 2, words[0] != "debug" { throw .usage("too many words: apusctl srv \(words[0])") }
        switch words[0] {
        case "sockets":
            try session.list("core.sockets_list") { $0.flatMap { $0.all(named: "socket") }.map(Srv.socket) }
        case "aliases":
            try session.list("core.aliases_list") { $0.flatMap { $0.all(named: "alias") }.map(Srv.alias) }
        case "rpclist": try session.list("system.listMethods", Srv.names)
        case "modules": try session.list("core.modules", Srv.names)
        case "version": try session.list("core.version") { ["Server: " + ($0.first?.plain ?? "")] }
        case "debug":
            var level: Int64?
            if words.count == 2 {
                guard let number = Int64(words[1]) else { throw .usage("debug: `\(words[1])` is no whole number") }
                level = number
            }
            try session.debug(level)
        default: throw .words("srv", words, among: Srv.words, usage: Srv.usage)
        }
    }
}

enum Srv {
    static let usage = "sockets|aliases|rpclist|modules|version|debug [n]"
    static let words = ["sockets", "aliases", "rpclist", "modules", "version", "debug"]

    static func names(_ values: [RPCValue]) -> [String] {
        values.flatMap { value -> [String] in
            if case .array(let values) = value { return names(values) }
            return [value.plain]
        }
    }

    /// `udp:192.0.2.1:5060`, and what else is to be known of it.
    static func socket(_ value: RPCValue) -> String {
        var text = address(value)
        if let advertised = value["advertise"]?.plain, !advertised.isEmpty { text += " advertise \(advertised)" }
        if let name = value["name"]?.plain, !name.isEmpty { text += " name \(name)" }
        for (member, word) in [("mcast", "multicast"), ("mhomed", "multihomed"), ("virtual", "virtual")]
        where value[member]?.plain == "yes" {
            text += " " + word
        }
        return text
    }

    static func alias(_ value: RPCValue) -> String { address(value) }

    private static func address(_ value: RPCValue) -> String {
        var host = value["address"]?.plain ?? ""
        if host.contains(":"), !host.hasPrefix("[") { host = "[\(host)]" }
        return "\(value["proto"]?.plain ?? "*"):\(host):\(value["port"]?.plain ?? "*")"
    }
}

extension Session {
    /// Shows the level of the log, or sets it: through corex, else as a parameter of the core's that may change.
    fileprivate func debug(_ level: Int64?) throws(Failure) {
        do throws(Failure) { return show(try call("corex.debug", level.map { [.int($0)] } ?? [])) } catch {
            guard case .refused(_, let text) = error, text.contains("corex.debug") else { throw error }
        }
        if let level { _ = try call("cfg.set_now_int", [.text("core"), .text("debug"), .int(level)], of: "cfg_rpc") }
        let now = try call("cfg.get", [.text("core"), .text("debug")], of: "cfg_rpc")
        show([.map([.init(name: Array("debug".utf8), value: now.first ?? .map([]))])])
    }

    /// Executes a command and prints what is made of its answer, a line each; as JSON the answer itself.
    fileprivate func list(_ command: String, _ lines: ([RPCValue]) -> [String]) throws(Failure) {
        let values = try call(command)
        if json { return Output.json(values.json) }
        for line in lines(values) { Output.line(line.printable) }
    }
}
