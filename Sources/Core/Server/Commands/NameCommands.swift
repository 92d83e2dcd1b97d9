/// `dns.…`: what the workers' resolvers know. Each worker has a cache of its own; what is added or deleted is so in all of them.
extension CoreCommands {
    /// An answer of a cache, copied on its worker.
    private struct Row {
        let worker: Int
        let name: String
        let type: DNSType
        let size: Int
        let isAsked: Bool
        /// Seconds.
        let expires, lastUsed: Int
        let isNegative: Bool
        let records: [Record]
    }

    private enum Record {
        case address(String)
        case server(DNSRecord, String)
    }

    private final class Found: @unchecked Sendable {
        var rows: [Row] = []
        var count = 0
        var bytes = 0
    }

    private static let rowSchema = """
        {name:string, type:string, size_bytes:int, reference_counter:int, permanent:string, expires:int, last_used:int, \
        negative_entry:string, worker:int, records:[{rr_idx:int, rr_ip?:string, rr_name?:string, rr_port?:int, \
        rr_priority?:int, rr_weight?:int, rr_order?:int, rr_preference?:int, rr_permanent:string, rr_expires:int}]}
        """

    func declareNames() throws(CommandRegistry.Refusal) {
        let views = [
            ("dns.view", "Every answer in the caches of the workers' resolvers."),
            ("dns.debug", "The same as dns.view."), ("dns.debug_all", "The same as dns.view."),
        ]
        for (name, doc) in views {
            try addForWorkers(name, reply: ReplySchema(stringLiteral: "[\(CoreCommands.rowSchema)]"), doc) {
                CoreCommands.collect($0) { _ in true }
            } answer: {
                CoreCommands.list($0)
            }
        }
        let type = CommandParameter("type", .string)
        let name = CommandParameter("name", .string)
        try addForWorkers(
            "dns.lookup", parameters: [type, name], reply: ReplySchema(stringLiteral: "[\(CoreCommands.rowSchema)]"),
            "What the workers' caches know of a name; type: A, AAAA, SRV or NAPTR."
        ) { execution in
            guard let type = DNSType(named: execution.text(0)) else { return execution.fail(400, "Unknown type") }
            let name = execution.text(1).lowercased()
            return CoreCommands.collect(execution) { $0.pointee.type == type && $0.name.string == name }
        } answer: { execution in
            guard (execution.context as? Found)?.rows.isEmpty == false else { return execution.fail(404, "Not found") }
            return CoreCommands.list(execution)
        }
        try addForWorkers(
            "dns.mem_info", reply: "[int]", "Bytes that the caches take, and their bound, over all workers."
        ) { execution in
            let found = CoreCommands.found(execution)
            if let resolver = CoreCommands.resolver {
                found.bytes += resolver.pointee.cache.bytes
                found.count += resolver.pointee.options.cache.bytes
            }
            return .done
        } answer: { execution in
            let found = CoreCommands.found(execution)
            execution.answer.array {
                execution.answer.add(Int64(found.bytes))
                execution.answer.add(Int64(found.count))
            }
            return .done
        }
        try declareDeletions()
        try declareAdditions()
    }

    // MARK: - Deleting

    private func declareDeletions() throws(CommandRegistry.Refusal) {
        for command in ["dns.delete_all", "dns.delete_all_force"] {
            try addForWorkers(command, reads: false, reply: "none", "Empties the caches.") { _ in
                _ = CoreCommands.resolver?.forget(nil, nil)
                return .done
            } answer: { _ in
                .done
            }
        }
        for type in [DNSType.a, .aaaa, .srv, .naptr] {
            try addForWorkers(
                "dns.delete_\(type.title.lowercased())", parameters: [CommandParameter("name", .string)], reads: false,
                reply: "none", "Deletes the \(type.title) records of a name from the caches."
            ) { execution in
                let name = execution.text(0).lowercased()
                let found = CoreCommands.found(execution)
                PermanentText.withBytes(of: name) { name in
                    found.count += CoreCommands.resolver?.forget(name.bytes, type) ?? 0
                }
                return .done
            } answer: { execution in
                CoreCommands.found(execution).count > 0 ? .done : execution.fail(400, "Not found")
            }
        }
        // Records that no resolver here asks for: nothing of theirs is ever in a cache.
        for type in ["cname", "txt", "ebl", "ptr"] {
            try add(
                "dns.delete_\(type)", parameters: [CommandParameter("name", .string)], reads: false, reply: "none",
                "Such records are never kept: always answered that there is none."
            ) { $0.fail(400, "Not found") }
        }
    }

    // MARK: - Adding

    private func declareAdditions() throws(CommandRegistry.Refusal) {
        let name = CommandParameter("name", .string)
        let ttl = CommandParameter("ttl", .int)
        let flags = CommandParameter("flags", .int)
        for type in [DNSType.a, .aaaa] {
            try addForWorkers(
                "dns.add_\(type.title.lowercased())",
                parameters: [name, ttl, CommandParameter("ip", .string), flags], reads: false, reply: "none",
                "Adds an address of a name to the caches, for ttl seconds; flags: 0."
            ) { execution in
                guard let ttl = CoreCommands.ttl(execution, flags: 3) else { return .failed }
                let text = execution.text(2)
                let address = PermanentText.withBytes(of: text) { SocketAddress(parsing: $0.bytes, port: 0) }
                guard let address, address.isV6 == (type == .aaaa) else { return execution.fail(400, "Bad IP") }
                return CoreCommands.add(execution) { $0.add($1, type, address, ttl: ttl) }
            } answer: { _ in
                .done
            }
        }
        let numbers = ["priority", "weight", "port"].map { CommandParameter($0, .int) }
        try addForWorkers(
            "dns.add_srv",
            parameters: [name, ttl] + numbers + [CommandParameter("rr_name", .string), flags], reads: false,
            reply: "none", "Adds a server of a service to the caches, for ttl seconds; flags: 0."
        ) { execution in
            guard let ttl = CoreCommands.ttl(execution, flags: 6) else { return .failed }
            let values = (2...4).map { UInt16(exactly: execution.number($0) ?? -1) }
            guard let priority = values[0], let weight = values[1], let port = values[2], port > 0 else {
                return execution.fail(400, "priority, weight and port are 0 to 65535, and port is not 0")
            }
            guard let target = CoreCommands.folded(execution.text(5)) else { return execution.fail(400, "Bad name") }
            return CoreCommands.add(execution) { resolver, name in
                target.withUnsafeBufferPointer { target in
                    resolver.add(
                        name, priority: priority, weight: weight, port: port,
                        target: Bytes(target.baseAddress!, target.count), ttl: ttl)
                }
            }
        } answer: { _ in
            .done
        }
    }

    /// The second parameter; nil, and a fault, when it or the flags are not served.
    private static func ttl(_ execution: Execution, flags: Int) -> UInt32? {
        guard let ttl = UInt32(exactly: execution.number(1) ?? -1) else {
            _ = execution.fail(400, "Bad ttl")
            return nil
        }
        guard execution.number(flags) == 0 else {
            _ = execution.fail(400, "no flags are known: write 0")
            return nil
        }
        return ttl
    }

    private static func add(
        _ execution: Execution, _ body: (UnsafeMutablePointer<Resolver>, Bytes) -> Bool
    ) -> Command.Outcome {
        guard let resolver, let name = folded(execution.text(0)) else { return execution.fail(400, "Bad name") }
        let isAdded = name.withUnsafeBufferPointer { body(resolver, Bytes($0.baseAddress!, $0.count)) }
        return isAdded ? .done : execution.fail(500, "the name is being asked for, or has too many records")
    }

    /// A host name in small letters; nil when it is none.
    private static func folded(_ name: String) -> [UInt8]? {
        let utf8 = Array(name.utf8)
        return utf8.withUnsafeBufferPointer { text in
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: DNSName.limit + 1) { room in
                guard let start = text.baseAddress, let out = room.baseAddress,
                    let count = DNSName.fold(Bytes(start, text.count), to: out)
                else { return nil }
                return Array(UnsafeBufferPointer(start: out, count: count))
            }
        }
    }

    // MARK: - Looking

    /// Of the worker on which a command runs.
    static var resolver: UnsafeMutablePointer<Resolver>? { Worker.current.flatMap { Resolver.of($0) } }

    private static func found(_ execution: Execution) -> Found {
        let found = execution.context as? Found ?? Found()
        execution.context = found
        return found
    }

    private static func collect(
        _ execution: Execution, _ isWanted: (UnsafeMutablePointer<DNSEntry>) -> Bool
    ) -> Command.Outcome {
        let found = found(execution)
        guard let worker = Worker.current, let resolver else { return .done }
        let now = worker.pointee.clock.now
        resolver.pointee.cache.visit { entry in
            // What was never answered is nothing to show.
            guard entry.pointee.sequence > 0, isWanted(entry) else { return }
            found.rows.append(
                Row(
                    worker: worker.pointee.index, name: entry.name.string, type: entry.pointee.type, size: entry.size,
                    isAsked: entry.pointee.isAsked,
                    expires: entry.pointee.expires > now ? Int((entry.pointee.expires - now + 999) / 1000) : 0,
                    lastUsed: Int((now - min(now, entry.pointee.usedAt)) / 1000),
                    isNegative: entry.pointee.status != .found, records: records(entry)))
        }
        return .done
    }

    private static func records(_ entry: UnsafeMutablePointer<DNSEntry>) -> [Record] {
        (0..<entry.pointee.recordCount).map { index in
            switch entry.pointee.type {
            case .a, .aaaa: .address(entry.address(index).addressText)
            case .srv, .naptr: .server(entry.record(index), entry.recordName(index).string)
            }
        }
    }

    private static func list(_ execution: Execution) -> Command.Outcome {
        let answer = execution.answer
        answer.array {
            for row in found(execution).rows { answer.map { add(row, answer) } }
        }
        return .done
    }

    private static func add(_ row: Row, _ answer: Answer) {
        answer.add(row.name, key: "name")
        answer.add(row.type.title, key: "type")
        answer.add(row.size, key: "size_bytes")
        answer.add(row.isAsked ? 2 : 1, key: "reference_counter")
        answer.add("no", key: "permanent")
        answer.add(row.expires, key: "expires")
        answer.add(row.lastUsed, key: "last_used")
        answer.add(row.isNegative ? "yes" : "no", key: "negative_entry")
        answer.add(row.worker, key: "worker")
        answer.array(key: "records") {
            for (index, record) in row.records.enumerated() {
                answer.map {
                    answer.add(index, key: "rr_idx")
                    switch record {
                    case .address(let text): answer.add(text, key: "rr_ip")
                    case .server(let facts, let name) where row.type == .srv:
                        answer.add(name, key: "rr_name")
                        answer.add(Int(facts.port), key: "rr_port")
                        answer.add(Int(facts.order), key: "rr_priority")
                        answer.add(Int(facts.preference), key: "rr_weight")
                    case .server(let facts, let name):
                        answer.add(name, key: "rr_name")
                        answer.add(Int(facts.order), key: "rr_order")
                        answer.add(Int(facts.preference), key: "rr_preference")
                    }
                    answer.add("no", key: "rr_permanent")
                    answer.add(row.expires, key: "rr_expires")
                }
            }
        }
    }
}

extension DNSType {
    /// As DNS calls it.
    fileprivate var title: String {
        switch self {
        case .a: "A"
        case .aaaa: "AAAA"
        case .srv: "SRV"
        case .naptr: "NAPTR"
        }
    }

    fileprivate init?(named text: String) {
        let types: [DNSType] = [.a, .aaaa, .srv, .naptr]
        guard let type = types.first(where: { $0.title == text.uppercased() }) else { return nil }
        self = type
    }
}
