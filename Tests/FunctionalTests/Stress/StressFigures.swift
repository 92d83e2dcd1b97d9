/// What a stress run saw.
struct StressFigures {
    var sent = 0
    var received = 0
    var outcomes: [Int: Int] = [:]
    /// By kind.
    var races: [String: Int] = [:]
    var milliseconds: UInt64 = 0

    mutating func race(_ kind: String) { races[kind, default: 0] += 1 }

    /// Counts a transaction's outcome, and the races that show in it.
    mutating func count(_ call: StressCall) {
        outcomes[call.finals.first?.status ?? 0, default: 0] += 1
        if call.finals.count > 1 { race("more than one 2xx") }
        if call.cancelSent, let first = call.finals.first {
            if first.status < 300 {
                race("CANCEL crossed a 2xx")
            } else if first.status != 487 {
                race("CANCEL crossed a refusal")
            }
        }
        if call.legs[3].isReached {
            race("second leg")
            if call.legs[3].isCancelled { race("CANCEL in the second leg") }
        } else if call.plan.hasFailureRoute, call.cancelSent, call.answered.isEmpty {
            race("CANCEL before the second leg")
        }
    }

    func text(_ name: String) -> String {
        let outcomes = outcomes.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
        let races = races.sorted { $0.key < $1.key }.map { "  \($0.value) \($0.key)\n" }
        return """
            \(name): \(sent) datagrams sent, \(received) received, \(milliseconds) ms
              outcomes: \(outcomes.joined(separator: ", "))
            \(races.joined())
            """
    }
}
