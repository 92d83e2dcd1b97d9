/// What a run measured.
struct Result {
    let scenario: Scenario
    /// Answered rightly within the measured time.
    let transactions: Int
    let seconds: Double
    /// Of the whole run, warm-up and end included.
    let counters: Generator.Counters
    /// Microseconds from a request to its final answer, of a call's INVITE; nil when none was measured.
    let median: Int?
    let p99: Int?
    /// Microseconds that the server spent within the measured time; nil when no process was named.
    let spent: ProcessorTime?
    /// What the server's memory management did within the measured time; nil when no counters were named.
    let memory: MemoryCounters?

    var isGood: Bool { transactions > 0 && counters.wrong == 0 && counters.lost == 0 }

    var line: String {
        var fields = [
            "scenario=\(scenario.rawValue)", "transactions=\(transactions)",
            "rate=\(Int(Double(transactions) / seconds))", "lost=\(counters.lost)", "late=\(counters.late)",
            "wrong=\(counters.wrong)", "held-back=\(counters.heldBack)",
        ]
        if let median, let p99 { fields += ["p50=\(median)", "p99=\(p99)"] }
        // Per transaction, with three digits.
        func each(_ sum: Double) -> String {
            let thousandths = Int((sum / Double(transactions) * 1000).rounded())
            return "\(thousandths / 1000).\(String(thousandths % 1000 + 1000).dropFirst())"
        }
        if let spent, transactions > 0 {
            fields += ["user=\(each(spent.user))", "system=\(each(spent.system))", "total=\(each(spent.total))"]
        }
        if let memory, transactions > 0 {
            fields += [
                "allocations=\(each(Double(memory.allocations)))", "retains=\(each(Double(memory.retains)))",
                "releases=\(each(Double(memory.releases)))",
            ]
        }
        return fields.joined(separator: " ")
    }
}
