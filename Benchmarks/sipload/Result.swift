/// What a run measured.
struct Result {
    let scenario: Scenario
    /// Answered rightly within the measured time.
    let transactions: Int
    let seconds: Double
    /// Of the whole run, warm-up and end included.
    let counters: Generator.Counters
    /// Microseconds that the server spent within the measured time; nil when no process was named.
    let spent: ProcessorTime?

    var isGood: Bool { transactions > 0 && counters.wrong == 0 && counters.lost == 0 }

    var line: String {
        var fields = [
            "scenario=\(scenario.rawValue)", "transactions=\(transactions)",
            "rate=\(Int(Double(transactions) / seconds))", "lost=\(counters.lost)", "late=\(counters.late)",
            "wrong=\(counters.wrong)", "held-back=\(counters.heldBack)",
        ]
        if let spent, transactions > 0 {
            func each(_ time: Double) -> String {
                let hundredths = Int((time / Double(transactions) * 100).rounded())
                return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
            }
            fields += ["user=\(each(spent.user))", "system=\(each(spent.system))", "total=\(each(spent.total))"]
        }
        return fields.joined(separator: " ")
    }
}
