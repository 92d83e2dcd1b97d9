import BinRPC
import JSON

extension Verb {
    static let uptime = Verb(
        names: ["uptime"], group: .monitoring, summary: "since when the server runs"
    ) { session throws(Failure) in
        if let fifo = session.fifo { return session.show(lines: try session.lines(fifo, "uptime")) }
        let values = try session.call("core.uptime")
        if session.json { return Output.json(values.json) }
        for line in Uptime.lines(values) { Output.line(line) }
    }

    static let version = Verb(
        names: ["version"], group: .monitoring, summary: "the server's version"
    ) { session throws(Failure) in
        if let fifo = session.fifo { return session.show(lines: try session.lines(fifo, "version")) }
        let values = try session.call("core.version")
        if session.json { return Output.json(values.json) }
        Output.line("Server: " + (values.first?.plain.printable ?? ""))
    }

    static let stats = Verb(
        names: ["stats", "statistics"], group: .monitoring, arguments: "[group|name...]",
        summary: "counters, of all groups or of some",
        details: """
            A word is a group (core), or a counter with its group and a colon before it
            (core:rcv_requests). The server has them with loadmodule "kex.so".
            """,
        count: 0...Int.max
    ) { session throws(Failure) in
        let asked =
            session.arguments.isEmpty
            ? ["all"] : session.arguments.map { $0 == "all" || $0.contains(":") ? $0 : $0 + ":" }
        // A counter is asked for by its name alone.
        let names = asked.map { name in
            name.hasSuffix(":") ? name : String(name.split(separator: ":").last ?? "")
        }
        if let fifo = session.fifo { return session.show(lines: try session.lines(fifo, "get_statistics", names)) }
        let counters = Counter.all(try session.call("stats.get_statistics", names.map { .text($0) }, of: "kex"))
        if session.json { return Output.json(Counter.json(counters)) }
        for counter in counters { Output.line("\(counter.group):\(counter.name) = \(counter.value)".printable) }
    }
}

enum Uptime {
    /// The answer of `core.uptime` as SER's FIFO had it.
    static func lines(_ values: [RPCValue]) -> [String] {
        let value = values.first ?? .map([])
        return [
            "Now: " + (value["now"]?.plain.printable ?? ""), "Up Since: " + (value["up_since"]?.plain.printable ?? ""),
            "Up time: \(value["uptime"]?.number ?? 0) [sec]",
        ]
    }
}

/// A figure of the server's.
struct Counter: Equatable {
    let group: String
    let name: String
    let value: Int64

    /// What `stats.get_statistics` answers: texts "group:name = value", one by one or in an array.
    static func all(_ values: [RPCValue]) -> [Counter] {
        values.flatMap { value -> [Counter] in
            if case .array(let values) = value { return all(values) }
            let parts = value.plain.split(separator: "=", maxSplits: 1).map { $0.filter { $0 != " " } }
            guard parts.count == 2, let number = Int64(parts[1]) else { return [] }
            let names = parts[0].split(separator: ":", maxSplits: 1).map { String($0) }
            return names.count == 2 ? [Counter(group: names[0], name: names[1], value: number)] : []
        }
    }

    /// {group: {name: value}}, in order of appearance.
    static func json(_ counters: [Counter]) -> JSONValue {
        var groups: [(String, [(String, JSONValue)])] = []
        for counter in counters {
            if let place = groups.firstIndex(where: { $0.0 == counter.group }) {
                groups[place].1.append((counter.name, .int(counter.value)))
            } else {
                groups.append((counter.group, [(counter.name, .int(counter.value))]))
            }
        }
        return .fields(groups.map { ($0.0, .fields($0.1)) })
    }
}
