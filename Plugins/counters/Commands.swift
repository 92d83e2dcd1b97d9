import PluginKit

/// `cnt.…`: every statistic of the server by group and name.
func declareCommands(_ host: Host) {
    func declare(
        _ name: StaticString, _ aliases: StaticString? = nil, _ arguments: StaticString = "", reads: Bool = true,
        reply: StaticString, _ doc: StaticString, call: @escaping @convention(c) (Command) -> CInt
    ) {
        host.command(
            name, aliases: aliases, arguments: arguments, flags: reads ? APUS_RPC_READS : 0, reply: reply, doc: doc,
            call: call)
    }
    declare("cnt.get", nil, "group:string, name:string", reply: "int", "What was counted since the last reset.") {
        withStatistic($0) { $0.add(nil, $1.value) }
    }
    declare("cnt.get_raw", nil, "group:string, name:string", reply: "int", "What was counted since the start.") {
        withStatistic($0) { $0.add(nil, $1.total) }
    }
    declare("cnt.help", nil, "group:string, name:string", reply: "string", "What a statistic means.") {
        withStatistic($0) { $0.add(nil, $1.doc) }
    }
    declare("cnt.reset", nil, "group:string, name:string", reads: false, reply: "none", "Counts from 0.") {
        withStatistic($0) { command, one in
            if one.kind == UInt32(APUS_STAT_COUNTER) {
                _ = command.host.pointee.stats.pointee.rebase(command.host, one.id, 0)
            }
        }
    }
    declare("cnt.list_groups", "cnt.grps_list", reply: "[string]", "The groups of statistics.") { command in
        command.array {
            for group in Set(statistics(command.host).map(\.group.string)).sorted() { command.add(text: group) }
        }
        return .true
    }
    declare("cnt.list_vars", "cnt.var_list", "group:string", reply: "[string]", "The statistics of a group.") {
        command in
        withGroup(command) { all in
            command.array { for one in all { command.add(nil, one.name) } }
        }
    }
    declare(
        "cnt.get_vars", "cnt.grp_get_all", "group:string", reply: "{*:int}",
        "The statistics of a group with what they counted since the last reset."
    ) { command in
        withGroup(command) { all in
            command.map { for one in all { command.add(named: one.name.string, one.value) } }
        }
    }
}

/// Calls `body` with the statistic that the arguments name, or answers that there is none.
private func withStatistic(_ command: Command, _ body: (Command, apus_statistic) -> Void) -> CInt {
    let stats = command.host.pointee.stats
    let id = stats.pointee.find(command.host, command.text(0), command.text(1))
    guard id != 0, let one = apus_statistic.filled({ stats.pointee.describe(command.host, id, $0) }) else {
        return command.fail(400, composed: "non-existent counter \(command.text(0).string).\(command.text(1).string)")
    }
    body(command, one)
    return .true
}

/// Calls `body` with the statistics of the group that the argument names, in their alphabet.
private func withGroup(_ command: Command, _ body: ([apus_statistic]) -> Void) -> CInt {
    let all = statistics(command.host).filter { $0.group.equals(command.text(0)) }
    guard !all.isEmpty else { return command.fail(400, composed: "non-existent group \(command.text(0).string)") }
    body(all.sorted { $0.name.string < $1.name.string })
    return .true
}

private func statistics(_ host: Host) -> [apus_statistic] {
    var all: [apus_statistic] = []
    while let one = apus_statistic.filled({ host.pointee.stats.pointee.describe(host, UInt32(all.count) + 1, $0) }) {
        all.append(one)
    }
    return all
}
