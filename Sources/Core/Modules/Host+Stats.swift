import PluginAPI

// Invariants: an id of the contract is a StatisticID's index plus 1, so that 0 counts nothing. `Modules.statistics`
// lives for ever.

/// The group `stats`: apus/stats.h.
extension HostTables {
    static func makeStats() -> apus_stats_api {
        apus_stats_api(
            size: size(apus_stats_api.self),
            add: { host, group, name, doc in
                var id: UInt32 = 0
                _ = host.declaring("stats->add") { (module, modules) throws(Registry.Refusal) in
                    let facts = try HostTables.read(group, name, doc)
                    id = try modules.declare(facts, .counter, module)
                    return CInt(APUS_TRUE)
                }
                return id
            },
            add_gauge: { host, group, name, doc, read, user in
                host.declaring("stats->add_gauge") { (module, modules) throws(Registry.Refusal) in
                    let facts = try HostTables.read(group, name, doc)
                    guard unsafeBitCast(read, to: UInt.self) != 0 else {
                        throw Registry.Refusal(text: "`read` is null")
                    }
                    guard modules.statistics.find(facts.group, facts.name) == nil else {
                        throw Registry.Refusal(text: "\(facts.group):\(facts.name) is declared twice")
                    }
                    nonisolated(unsafe) let user = user
                    _ = try modules.declare(facts, .computed { UInt64(bitPattern: read(user)) }, module)
                    return CInt(APUS_TRUE)
                }
            },
            bump: { host, id, by in
                guard id > 0, id <= UInt32(Statistics.capacity) else { return }
                let statistic = StatisticID(index: id &- 1)
                if let worker = Worker.current {
                    worker.pointee.shard.bump(statistic, by: Int(truncatingIfNeeded: by))
                } else {
                    host.modules.statistics.bump(statistic, by: Int(truncatingIfNeeded: by))
                }
            },
            read: { host, group, name in
                let statistics = host.modules.statistics
                return statistics.find(group.string, name.string).map { statistics.value($0) } ?? 0
            })
    }

    private static func read(
        _ group: UnsafePointer<CChar>, _ name: UnsafePointer<CChar>, _ doc: UnsafePointer<CChar>
    ) throws(Registry.Refusal) -> (group: String, name: String, doc: String) {
        let facts = (
            try HostTables.text(group, "the group"), try HostTables.text(name, "the name"),
            try HostTables.text(doc, "the doc")
        )
        guard DeclaredName.isDotted(facts.0), DeclaredName.isDotted(facts.1) else {
            throw Registry.Refusal(text: "`\(facts.0):\(facts.1)` is no name for a statistic")
        }
        return facts
    }
}
