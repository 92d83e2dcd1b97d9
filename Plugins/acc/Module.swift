import PluginKit

private nonisolated(unsafe) let state = permanent(State())

private let module = Module(
    "acc", version: "1.0", summary: "Accounting: lines in the log and rows in a database about transactions",
    needs: "tm/1",
    start: { host in settle(host, state) && follow(host, state) ? .true : .false },
    stop: { host in state.pointee.rows?.stop(host) },
    declare: { host in
        state.pointee.facility = host.pointee.log.pointee.facility("LOG_DAEMON")
        host.declare(ParameterTable.all, in: state)
        host.declare(SERColumns.parameters, in: state.pointer(to: \.database.ser).unsafelyUnwrapped)
        declareFunctions(host, state)
        state.pointee.writtenCounter = host.counter("acc", "rows_written", doc: "Rows that the database has got.")
        state.pointee.lostCounter = host.counter("acc", "rows_lost", doc: "Rows that it has not.")
        state.pointee.spooledCounter = host.counter("acc", "rows_spooled", doc: "Rows that went into the spool.")
        host.gauge("acc", "rows_in_spool", doc: "Rows that are in it.", user: nil) { _ in
            Int64(state.pointee.rows?.pointee.spool?.count ?? 0)
        }
        let refused = host.pointee.timer.pointee.every(
            host, 1000, UInt32(APUS_TIMER_ONE_WORKER),
            { tick in state.pointee.rows?.pointee.spool?.look(now: tick.pointee.now) }, nil)
        if refused <= 0 { host.log(.error, "the spool cannot be looked at") }
        let user = UnsafeMutableRawPointer(mutating: host)
        host.gauge("acc", "pieces_in_use", doc: "Pieces of memory that the module holds.", user: user) { user in
            let host = Host(user.unsafelyUnwrapped.assumingMemoryBound(to: apus_host.self))
            return Int64(clamping: host.pointee.memory.pointee.in_use(host, nil))
        }
    })

@c(apus_module_acc)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }

private func declareFunctions(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    host.function(
        "acc_log_request", "comment:format",
        doc: "Writes a line about the request, with status and reason from the comment.",
        user: state, call: accountRequest)
    host.function(
        "acc_request", "comment:format", doc: "The same as acc_log_request.", user: state, call: accountRequest)
    host.function(
        "acc_db_request", "comment:format, table:format",
        doc: "Writes a row about the request into the table, with status and reason from the comment.", user: state,
        call: accountRequestInTable)
    host.function(
        "acc_request", "comment:format, table:format",
        doc: "The same as acc_log_request and, with a database, acc_db_request.", user: state,
        call: accountRequestInBoth)
}

/// Has tm tell of every new transaction, if some may have to be reported.
private func follow(_ host: Host, _ state: UnsafeMutablePointer<State>) -> Bool {
    guard let tm = load_tm(host) else { return false }
    state.pointee.tm = tm
    guard state.pointee.followsTransactions else {
        if host.pointee.config.pointee.dialect(host) == UInt32(APUS_DIALECT_SER) {
            host.log(.notice, "no flag of transactions is set: no transaction is reported")
        }
        return true
    }
    return tm.pointee.register_tmcb(host, nil, UInt32(TM_REQUEST_IN), arrived, state, nil) > 0
}
