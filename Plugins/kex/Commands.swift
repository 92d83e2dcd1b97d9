import PluginKit

/// `stats.…`: the server's statistics, as they were since the last reset.
func declareCommands(_ host: Host) {
    host.command(
        "stats.get_statistics", aliases: "get_statistics", arguments: "names:string, ...", flags: APUS_RPC_READS,
        reply: "[string]",
        doc: "Statistics as group:name = value: of `all`, of a group (`core:`), or of names."
    ) { command in
        command.array { forEach(command) { command.add(text: "\($0.title) = \($0.value)") } }
        return .true
    }
    host.command(
        "stats.fetch", arguments: "names:string, ...", flags: APUS_RPC_READS, reply: "{*:string}",
        doc: "Statistics by group.name, their values as texts."
    ) { command in
        command.map { forEach(command) { command.add(named: $0.key, text: "\($0.value)") } }
        return .true
    }
    host.command(
        "stats.fetchn", arguments: "names:string, ...", flags: APUS_RPC_READS, reply: "{*:int}",
        doc: "Statistics by group.name, their values as numbers."
    ) { command in
        command.map { forEach(command) { command.add(named: $0.key, $0.value) } }
        return .true
    }
    host.command(
        "stats.reset_statistics", aliases: "reset_statistics", arguments: "names:string, ...", reply: "none",
        doc: "Counts from 0 for those who ask here; what goes up and down by itself stays."
    ) { command in
        forEach(command) { _ = $0.reset(command.host) }
        return .true
    }
    host.command(
        "stats.clear_statistics", aliases: "clear_statistics", arguments: "names:string, ...", reply: "[string]",
        doc: "The same, and answers what was counted."
    ) { command in
        command.array {
            forEach(command) {
                if $0.reset(command.host) { command.add(text: "\($0.title) = \($0.value)") }
            }
        }
        return .true
    }
}

extension apus_statistic {
    /// `core:rcv_requests`
    fileprivate var title: String { "\(group.string):\(name.string)" }
    /// `core.rcv_requests`
    fileprivate var key: String { "\(group.string).\(name.string)" }

    /// Counts from 0 from now on, if it is a counter.
    fileprivate func reset(_ host: Host) -> Bool {
        kind == UInt32(APUS_STAT_COUNTER) && host.pointee.stats.pointee.rebase(host, id, 0) > 0
    }
}

/// Calls `body` for each statistic that the arguments name; what they name and is not there is left out. Groups and names in their alphabet.
private func forEach(_ command: Command, _ body: (apus_statistic) -> Void) {
    let all = statistics(command.host).sorted { ($0.group.string, $0.name.string) < ($1.group.string, $1.name.string) }
    for index in 0..<Int(command.pointee.count) {
        let wanted = command.text(index)
        for one in all where one.isMeant(by: wanted) { body(one) }
    }
}

private func statistics(_ host: Host) -> [apus_statistic] {
    var all: [apus_statistic] = []
    var id: UInt32 = 1
    while let one = apus_statistic.filled({ host.pointee.stats.pointee.describe(host, id, $0) }) {
        all.append(one)
        id += 1
    }
    return all
}

extension apus_statistic {
    /// `all`, `group:`, `group:name`, `group.name` or `name`.
    fileprivate func isMeant(by text: apus_str) -> Bool {
        if text.equals("all") || text.equals(name) { return true }
        guard text.len > group.len, text[0..<group.len].equals(group) else { return false }
        let mark = text[group.len]
        guard mark == 0x3a || mark == 0x2e else { return false }
        let rest = text.dropFirst(group.len + 1)
        return rest.isEmpty ? mark == 0x3a : rest.equals(name)
    }
}
