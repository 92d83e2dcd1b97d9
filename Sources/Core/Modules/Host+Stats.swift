import PluginAPI

// Invariants: an id of the contract is a StatisticID's index plus 1, so that 0 counts nothing. `Modules.statistics`
// lives for ever.

/// The group `stats`: apus/stats.h.
extension HostTables {
    static func makeStats() -> apus_stats_api {
        apus_stats_api(
            size: size(apus_stats_api.self),
            add: { host, group, name, doc in HostTables.add(host, .counter, group, name, doc) },
            add_gauge: { host, group, name, doc, read, user in
                host.declaring("stats->add_gauge", in: [.declaring, .starting]) {
                    (module, modules) throws(Registry.Refusal) in
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
            },
            add_level: { host, group, name, doc in HostTables.add(host, .gauge, group, name, doc) },
            find: { host, group, name in
                host.modules.statistics.find(group.string, name.string).map { $0.index + 1 } ?? 0
            },
            describe: { host, id, out in
                let statistics = host.modules.statistics
                let known = StatisticID(index: id &- 1)
                guard id > 0, let description = statistics.description(known) else { return CInt(APUS_FALSE) }
                out.pointee = apus_statistic(known, description, statistics, size: out.pointee.size)
                return CInt(APUS_TRUE)
            },
            rebase: { host, id, value in
                let statistics = host.modules.statistics
                let known = StatisticID(index: id &- 1)
                guard id > 0, statistics.description(known) != nil else { return CInt(APUS_FALSE) }
                return CInt(statistics.reset(known, to: value) ? APUS_TRUE : APUS_FALSE)
            },
            count_replies: { host in
                guard let replies = host.shared.pointee.services.replies else { return CInt(APUS_FALSE) }
                replies.begin()
                return CInt(APUS_TRUE)
            },
            replies: { host, method, code, received, sent in
                guard let replies = host.shared.pointee.services.replies,
                    let counts = replies.sum(Method(method.bytes), code)
                else { return CInt(APUS_FALSE) }
                received.pointee = counts.received
                sent.pointee = counts.sent
                return CInt(APUS_TRUE)
            })
    }

    private static func add(
        _ host: UnsafePointer<apus_host>, _ kind: Statistics.Kind, _ group: UnsafePointer<CChar>,
        _ name: UnsafePointer<CChar>, _ doc: UnsafePointer<CChar>
    ) -> UInt32 {
        var id: UInt32 = 0
        _ = host.declaring("stats->add", in: [.declaring, .starting]) { (module, modules) throws(Registry.Refusal) in
            let facts = try HostTables.read(group, name, doc)
            id = try modules.declare(facts, kind, module)
            return CInt(APUS_TRUE)
        }
        return id
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

extension apus_statistic {
    fileprivate init(
        _ id: StatisticID, _ description: Statistics.Description, _ statistics: Statistics, size: UInt32
    ) {
        let kind =
            switch description.kind {
            case .counter: APUS_STAT_COUNTER
            case .gauge: APUS_STAT_LEVEL
            case .computed: APUS_STAT_COMPUTED
            }
        let texts = description.permanent
        self.init(
            size: size, id: id.index + 1, kind: UInt32(kind), reserved: 0, group: apus_str(texts.group),
            name: apus_str(texts.name), doc: apus_str(texts.doc), total: Int64(bitPattern: statistics.value(id)),
            value: Int64(bitPattern: statistics.valueSinceReset(id)))
    }
}
