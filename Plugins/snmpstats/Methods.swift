import PluginKit

// Invariants: texts are literals, which live for ever.

/// Methods by the numbers that the MIBs give them.
struct SIPMethod: @unchecked Sendable {
    let number: UInt32
    let name: apus_str
    /// In names of statistics.
    let small: apus_str
    /// What must be loaded, one of them; empty: nothing.
    let modules: [apus_str]

    static let all = [
        SIPMethod(number: 1, name: "INVITE", small: "invite", modules: []),
        SIPMethod(number: 2, name: "CANCEL", small: "cancel", modules: []),
        SIPMethod(number: 3, name: "ACK", small: "ack", modules: []),
        SIPMethod(number: 4, name: "BYE", small: "bye", modules: []),
        SIPMethod(number: 5, name: "INFO", small: "info", modules: []),
        SIPMethod(number: 6, name: "OPTIONS", small: "options", modules: ["siputils", "options"]),
        SIPMethod(number: 7, name: "UPDATE", small: "update", modules: []),
        SIPMethod(number: 8, name: "REGISTER", small: "register", modules: ["registrar"]),
        SIPMethod(number: 9, name: "MESSAGE", small: "message", modules: []),
        SIPMethod(number: 10, name: "SUBSCRIBE", small: "subscribe", modules: ["registrar"]),
        SIPMethod(number: 11, name: "NOTIFY", small: "notify", modules: ["registrar"]),
        SIPMethod(number: 12, name: "PRACK", small: "prack", modules: []),
        SIPMethod(number: 13, name: "REFER", small: "refer", modules: []),
        SIPMethod(number: 14, name: "PUBLISH", small: "publish", modules: []),
    ]

    /// Those that this server supports.
    static func supported(_ facts: Facts) -> [SIPMethod] {
        all.filter { $0.modules.isEmpty || $0.modules.contains { facts.isLoaded($0) } }
    }
}

/// `…SIPMethodSupportedTable`
final class MethodTable: ListedTable {
    let entry: Path = [3, 1, 1, 1, 1, 7, 1]
    let columns: [UInt32] = [2]
    let rows: [(index: Path, row: SIPMethod)]

    init(_ methods: [SIPMethod]) { rows = methods.map { ([$0.number], $0) } }

    func value(_ column: UInt32, of row: SIPMethod) -> Value? { .text("METHOD_\(row.name.string)") }
}

/// A table with a row for each method and a statistic in each column: `…SIPMethodStatsTable`, `…SIPCommonStatsRetryTable`.
final class MethodCountsTable: ListedTable {
    let entry: Path
    let columns: [UInt32]
    let rows: [(index: Path, row: SIPMethod)]
    private let facts: Facts
    /// By column: the statistic's group, and its name without the method's.
    private let statistics: [UInt32: (group: apus_str, name: String)]

    init(_ facts: Facts, _ methods: [SIPMethod], _ entry: Path, _ statistics: [UInt32: (group: apus_str, name: String)])
    {
        self.facts = facts
        self.entry = entry
        self.statistics = statistics
        columns = statistics.keys.sorted()
        rows = methods.map { ([$0.number], $0) }
    }

    func value(_ column: UInt32, of row: SIPMethod) -> Value? {
        guard let statistic = statistics[column] else { return nil }
        var name = statistic.name + row.small.string
        return name.withUTF8 {
            .counter(wrapping: facts.read(statistic.group, apus_str(start: $0.baseAddress, count: $0.count)))
        }
    }

    /// Requests that left and that came.
    static func requests(_ facts: Facts, _ methods: [SIPMethod]) -> MethodCountsTable {
        MethodCountsTable(
            facts, methods, [3, 1, 1, 1, 4, 1, 1], [2: ("core", "sent_requests_"), 3: ("core", "rcv_requests_")])
    }

    /// What tm has sent again.
    static func retries(_ facts: Facts, _ methods: [SIPMethod]) -> MethodCountsTable {
        MethodCountsTable(
            facts, methods, [3, 1, 1, 1, 7, 1, 1],
            [
                2: ("tm", "retransmitted_requests_"), 3: ("tm", "retransmitted_final_replies_"),
                4: ("tm", "retransmitted_provisional_replies_"),
            ])
    }
}
