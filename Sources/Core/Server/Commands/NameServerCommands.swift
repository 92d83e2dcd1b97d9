/// `dns.…`: what the workers' resolvers have counted, and whether they ask the name servers at all.
extension CoreCommands {
    private final class Sums: @unchecked Sendable {
        var figures = ResolverFigures()
        var evictions: UInt64 = 0
        var areServersUp = true

        /// Under the names that Kamailio has for them.
        var all: [(name: String, value: UInt64)] {
            [
                ("dns_req_cnt", figures.requests), ("dc_hits_cnt", figures.hits),
                ("dc_neg_hits_cnt", figures.negativeHits), ("dc_lru_cnt", evictions),
            ]
        }
    }

    private static func sums(_ execution: Execution) -> Sums {
        let sums = execution.context as? Sums ?? Sums()
        execution.context = sums
        return sums
    }

    func declareNameServers() throws(CommandRegistry.Refusal) {
        try addForWorkers(
            "dns.stats_get",
            parameters: [CommandParameter("name", .string), CommandParameter("reset", .int, optional: true)],
            reads: false, reply: "{*:int}",
            """
            Records wanted (dns_req_cnt), known (dc_hits_cnt), known not to be (dc_neg_hits_cnt), forgotten to make room (dc_lru_cnt), or all; \
            reset 1 sets it to 0.
            """
        ) { execution in
            CoreCommands.addFigures(execution)
        } answer: { execution in
            let wanted = execution.text(0).lowercased()
            let found = CoreCommands.sums(execution).all.filter { wanted == "all" || $0.name == wanted }
            guard !found.isEmpty else { return execution.fail(500, "unknown dns cache stat parameter") }
            execution.answer.map {
                for (name, value) in found { execution.answer.add(Int64(clamping: value), named: name) }
            }
            return .done
        }
        try addForWorkers(
            "dns.set_server_state", parameters: [CommandParameter("state", .int)], reads: false, reply: "none",
            "0: all name servers are down: none is asked, what was known last holds. 1: one at least is up."
        ) { execution in
            guard let state = execution.number(0), state == 0 || state == 1 else {
                return execution.fail(400, "the state is 0 (all name servers are down) or 1")
            }
            CoreCommands.resolver?.pointee.areServersUp = state == 1
            return .done
        } answer: { _ in
            .done
        }
        try addForWorkers(
            "dns.get_server_state", reply: "int", "0: all name servers are said to be down, and none is asked; else 1."
        ) { execution in
            if let resolver = CoreCommands.resolver, !resolver.pointee.areServersUp {
                CoreCommands.sums(execution).areServersUp = false
            }
            return .done
        } answer: { execution in
            execution.answer.add(Int64(CoreCommands.sums(execution).areServersUp ? 1 : 0))
            return .done
        }
    }

    /// [worker] Adds what its resolver has counted, and sets to 0 what is to be.
    private static func addFigures(_ execution: Execution) -> Command.Outcome {
        let sums = sums(execution)
        guard let resolver else { return .done }
        let figures = resolver.pointee.figures
        sums.figures.requests &+= figures.requests
        sums.figures.hits &+= figures.hits
        sums.figures.negativeHits &+= figures.negativeHits
        sums.evictions &+= resolver.pointee.cache.evictions
        guard (execution.number(1) ?? 0) != 0 else { return .done }
        let name = execution.text(0).lowercased()
        func isMeant(_ other: String) -> Bool { name == "all" || name == other }
        if isMeant("dns_req_cnt") { resolver.pointee.figures.requests = 0 }
        if isMeant("dc_hits_cnt") { resolver.pointee.figures.hits = 0 }
        if isMeant("dc_neg_hits_cnt") { resolver.pointee.figures.negativeHits = 0 }
        if isMeant("dc_lru_cnt") { resolver.pointee.cache.evictions = 0 }
        return .done
    }
}
