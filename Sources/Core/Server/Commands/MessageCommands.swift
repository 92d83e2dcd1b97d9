/// The messages that came: what their counters have, and which programs sent them, in one answer.
extension CoreCommands {
    private final class Programs: @unchecked Sendable {
        var named: [String: UserAgents.Counts] = [:]
        var others = UserAgents.Counts()
        var unnamed = UserAgents.Counts()
        var hints: [String: UInt64] = [:]
        var otherHints: UInt64 = 0
    }

    func declareMessages() throws(CommandRegistry.Refusal) {
        let statistics = view.statistics
        try addForWorkers(
            "core.msgstats",
            reply: """
                {requests:{*:int}, replies:{*:int}, user_agents:[{name:string, requests:int, replies:int}], \
                other_user_agents:{requests:int, replies:int}, no_user_agent:{requests:int, replies:int}, \
                hints:[{name:string, requests:int}], other_hints:int}
                """,
            """
            Messages received: requests by method, replies by status code and class, since their last reset; and those of each program by its \
            User-Agent or Server, the busiest first, since the start; with count_hints, requests forwarded by their P-hint.
            """
        ) { execution in
            CoreCommands.collectPrograms(execution)
        } answer: { execution in
            let answer = execution.answer
            let programs = CoreCommands.programs(execution)
            answer.map {
                answer.map(key: "requests") {
                    answer.addCounts(of: "rcv_requests", statistics)
                    if let other = statistics.find("core", "unsupported_methods") {
                        answer.add(Int64(bitPattern: statistics.valueSinceReset(other)), key: "other")
                    }
                }
                answer.map(key: "replies") { answer.addCounts(of: "rcv_replies", statistics) }
                answer.array(key: "user_agents") {
                    for (name, counts) in programs.named.sorted(by: { ($1.value.sum, $0.key) < ($0.value.sum, $1.key) })
                    {
                        answer.map {
                            answer.add(name, key: "name")
                            answer.add(counts)
                        }
                    }
                }
                answer.map(key: "other_user_agents") { answer.add(programs.others) }
                answer.map(key: "no_user_agent") { answer.add(programs.unnamed) }
                answer.array(key: "hints") {
                    for (name, count) in programs.hints.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
                        answer.map {
                            answer.add(name, key: "name")
                            answer.add(Int64(clamping: count), key: "requests")
                        }
                    }
                }
                answer.add(Int64(clamping: programs.otherHints), key: "other_hints")
            }
            return .done
        }
    }

    private static func programs(_ execution: Execution) -> Programs {
        let programs = execution.context as? Programs ?? Programs()
        execution.context = programs
        return programs
    }

    /// [worker]
    private static func collectPrograms(_ execution: Execution) -> Command.Outcome {
        let programs = programs(execution)
        guard let worker = ServerWorker.current else { return .done }
        worker.pointee.userAgents.visit { name, counts in
            programs.named[name.string, default: UserAgents.Counts()] += counts
        }
        programs.others += worker.pointee.userAgents.others
        programs.unnamed += worker.pointee.userAgents.unnamed
        worker.pointee.hints.visit { name, counts in programs.hints[name.string, default: 0] += counts.requests }
        programs.otherHints += worker.pointee.hints.others.requests
        return .done
    }
}

extension Answer {
    fileprivate func add(_ counts: UserAgents.Counts) {
        add(Int64(clamping: counts.requests), key: "requests")
        add(Int64(clamping: counts.replies), key: "replies")
    }

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
