/// The messages that came: what their counters have, in one answer.
extension CoreCommands {
    func declareMessages() throws(CommandRegistry.Refusal) {
        let statistics = view.statistics
        try add(
            "core.msgstats", reply: "{requests:{*:int}, replies:{*:int}}",
            "Requests received by method, and replies by status code and class, since their last reset."
        ) { execution in
            let answer = execution.answer
            answer.map {
                answer.map(key: "requests") {
                    answer.addCounts(of: "rcv_requests", statistics)
                    if let other = statistics.find("core", "unsupported_methods") {
                        answer.add(Int64(bitPattern: statistics.valueSinceReset(other)), key: "other")
                    }
                }
                answer.map(key: "replies") { answer.addCounts(of: "rcv_replies", statistics) }
            }
            return .done
        }
    }
}

extension Answer {
    /// `total`, the core's counter of that name, and what stands behind the name of its further ones: `invite`, `4xx`, `404`.
    fileprivate func addCounts(of name: String, _ statistics: Statistics) {
        for (id, description) in statistics.all where description.group == "core" && description.name.hasPrefix(name) {
            let rest = description.name.dropFirst(name.count)
            guard rest.isEmpty || rest.first == "_" else { continue }
            add(
                Int64(bitPattern: statistics.valueSinceReset(id)),
                named: rest.isEmpty ? "total" : String(rest.dropFirst()))
        }
    }
}
