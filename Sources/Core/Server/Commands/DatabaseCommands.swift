import PluginAPI

// Invariants: an Execution that waits is deferred; what leads back to it hangs on its work as a StatementAnswer, retained until its mail has arrived.

/// `db.…`: the databases that modules use.
extension CoreCommands {
    func declareDatabases() throws(CommandRegistry.Refusal) {
        let view = view
        try add(
            "db.status",
            reply: """
                [{module:string, url:string, state:string, reason?:string, retry?:int, connections:int, limit:int, running:int, \
                waiting:int}]
                """,
            "The databases of the modules: whether they are up, why not and in how many seconds they are tried again, connections, work."
        ) { execution in
            let answer = execution.answer
            answer.array {
                for pool in view.modules.databases.pools {
                    let report = pool.report
                    answer.map {
                        answer.add(pool.owner, key: "module")
                        answer.add(pool.url.masked, key: "url")
                        answer.add("\(report.phase)", key: "state")
                        if report.phase == .down {
                            answer.add(report.reason, key: "reason")
                            answer.add(report.seconds, key: "retry")
                        }
                        answer.add(report.connections, key: "connections")
                        answer.add(report.limit, key: "limit")
                        answer.add(report.running, key: "running")
                        answer.add(report.waiting, key: "waiting")
                    }
                }
            }
            return .done
        }
        try add(
            "db.exec",
            parameters: [CommandParameter("database", .string), CommandParameter("sql", .string)], reads: false,
            reply: "{affected:int, id:int, rows:[any]}",
            """
            Has a database execute a statement, and answers its rows; the database by module, scheme or url, as db.status shows them. Not over TCP \
            and UDP.
            """
        ) { execution in
            CoreCommands.executeSQL(execution, view)
        }
    }

    private static func executeSQL(_ execution: Execution, _ view: ServerView) -> Command.Outcome {
        // Who may open the socket of a door may do everything; who reaches its port may not.
        guard !["tcp:", "udp:"].contains(where: execution.request.peer.hasPrefix) else {
            return execution.fail(403, "not over TCP and UDP")
        }
        let name = execution.text(0)
        guard let pool = view.modules.databases.pools(named: name).first else {
            return execution.fail(404, "no module uses a database \(name)")
        }
        let deferral = execution.deferAnswer(milliseconds: 0)
        guard deferral != 0 else { return .failed }
        var sql = execution.text(1)
        let work = sql.withUTF8 { sql in
            var request = apus_db_request()
            request.size = UInt32(MemoryLayout<apus_db_request>.size)
            request.kind = UInt32(APUS_DB_RAW)
            request.sql = apus_str(
                s: UnsafeRawPointer(sql.baseAddress)?.assumingMemoryBound(to: CChar.self), len: sql.count)
            return withUnsafePointer(to: &request) { request in
                request.withWork { UnsafeMutablePointer<DatabaseWork>.make($0, receive: StatementAnswer.arrived) }
            }
        }
        let answer = StatementAnswer(view.modules.management, deferral)
        work.pointee.user = Unmanaged.passRetained(answer).toOpaque()
        work.pointee.deliver = StatementAnswer.deliver
        if case .refused(let fault) = pool.post(work) {
            StatementAnswer.free(work)
            _ = view.modules.management.withdraw(deferral)
            return execution.fail(503, fault.text)
        }
        return .deferred
    }
}

/// The way back from a database to a command.
private final class StatementAnswer {
    private let management: Management
    private let deferral: UInt64

    init(_ management: Management, _ deferral: UInt64) {
        self.management = management
        self.deferral = deferral
    }

    static func free(_ work: UnsafeMutablePointer<DatabaseWork>) {
        if let user = work.pointee.user { Unmanaged<StatementAnswer>.fromOpaque(user).release() }
        work.free()
    }

    /// From the pool's thread to the management thread.
    static let deliver: DatabaseWork.Deliver = { work in
        let work = work.assumingMemoryBound(to: DatabaseWork.self)
        guard let user = work.pointee.user else { return }
        let answer = Unmanaged<StatementAnswer>.fromOpaque(user).takeUnretainedValue()
        // The server stops: nobody wants to know any more.
        if !answer.management.post(work.mail) { free(work) }
    }

    static let arrived: Mailbox.Callback = { _, node in
        let work = node.assumingMemoryBound(to: DatabaseWork.self)
        if let user = work.pointee.user, let result = work.pointee.result {
            let answer = Unmanaged<StatementAnswer>.fromOpaque(user).takeUnretainedValue()
            answer.show(work.pointee.status, result.facts)
        }
        free(work)
    }

    func finish(_ body: (Answer) -> Void) {
        guard let execution = management.resume(deferral, owner: "core") else { return }
        body(execution.answer)
        management.finish(deferral, owner: "core")
    }

    private func show(_ status: Int32, _ result: UnsafePointer<apus_db_result>) {
        finish { answer in
            guard status == Int32(APUS_OK) else {
                let codes = [Int32(APUS_TIMED_OUT): 504, Int32(APUS_DB_DOWN): 503, Int32(APUS_DB_LOCKED): 503]
                answer.fail(codes[status] ?? 400, result.pointee.text.bytes)
                return
            }
            answer.map {
                answer.add(result.pointee.affected, key: "affected")
                answer.add(result.pointee.id, key: "id")
                answer.array(key: "rows") {
                    for row in 0..<Int(result.pointee.row_count) { show(row, of: result, in: answer) }
                }
            }
        }
    }

    private func show(_ row: Int, of result: UnsafePointer<apus_db_result>, in answer: Answer) {
        let width = Int(result.pointee.column_count)
        answer.map {
            for column in 0..<width {
                guard let name = result.pointee.names?[column].bytes,
                    let value = result.pointee.values?[row * width + column]
                else { continue }
                switch Int(value.kind) {
                // It is not there, which is what it says.
                case APUS_DB_NULL: continue
                case APUS_DB_DOUBLE: answer.add(value.real, key: name)
                case APUS_DB_STRING, APUS_DB_BLOB: answer.add(value.str.bytes, key: name)
                default: answer.add(value.num, key: name)
                }
            }
        }
    }
}
