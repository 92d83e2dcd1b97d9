import PluginKit
import RoutingKit

/// Where values come from: statistics of the server, its config, its modules. Made in `start`; used on the agent's thread.
struct Facts {
    let host: Host
    let settings: Settings
    /// Nil without dialog.so.
    let dialogs: UnsafePointer<dialog_api>?
    let server: apus_server_facts

    /// [start]
    init(_ host: Host, _ settings: Settings) {
        self.host = host
        self.settings = settings
        dialogs = load_dialog(host)
        var facts = apus_server_facts()
        facts.size = UInt32(MemoryLayout<apus_server_facts>.size)
        host.pointee.config.pointee.server(host, &facts)
        server = facts
    }

    func isLoaded(_ module: apus_str) -> Bool { host.pointee.config.pointee.is_loaded(host, module) > 0 }

    /// [start] A global parameter of the core.
    func number(_ name: apus_str) -> Int64 {
        let value = host.core(name)
        return value.isInt ? value.num : value.isOn ? 1 : 0
    }

    /// A statistic since the start; 0 when whoever counts it is not loaded.
    func read(_ group: apus_str, _ name: apus_str) -> UInt64 { host.pointee.stats.pointee.read(host, group, name) }

    /// As a level, which may be below 0 for a moment.
    func level(_ group: apus_str, _ name: apus_str) -> Int64 { Int64(bitPattern: read(group, name)) }

    var dialogCounts: dialog_counts {
        var counts = dialog_counts()
        counts.size = UInt32(MemoryLayout<dialog_counts>.size)
        dialogs?.pointee.counts(host, &counts)
        return counts
    }
}

/// Short forms for the tables of objects.
struct Objects {
    let facts: Facts
    private(set) var all: [Object] = []

    init(_ facts: Facts) { self.facts = facts }

    /// Computed at each reading.
    mutating func add(_ path: Path, _ read: @escaping (Facts) -> Value) {
        let facts = facts
        all.append(Object(path: path, kind: .scalar { read(facts) }))
    }

    /// The same as long as the server runs: computed now.
    mutating func constant(_ path: Path, _ value: Value) { all.append(Object(path: path, kind: .scalar { value })) }

    /// The sum of statistics, as Counter32.
    mutating func counter(_ path: Path, _ statistics: (group: apus_str, name: apus_str)...) {
        add(path) { facts in
            .counter(wrapping: statistics.reduce(UInt64(0)) { $0 &+ facts.read($1.group, $1.name) })
        }
    }

    /// A statistic as Gauge32.
    mutating func gauge(_ path: Path, _ group: apus_str, _ name: apus_str) {
        add(path) { .gauge(stopping: $0.level(group, name)) }
    }
}
