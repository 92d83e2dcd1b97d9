import PluginKit

// Invariants: run on the management thread; what a tour does runs on the worker whose transactions it looks at, and what it makes of that on
// the management thread again.

/// `tm.stats`
let statistics: @convention(c) (UnsafePointer<apus_command>) -> CInt = { command in
    countTransactions(command, answer: answerStatistics)
}

/// Counts transactions: those that there are, those that wait for their end, those that are out of the table and not freed yet.
func countTransactions(
    _ command: UnsafePointer<apus_command>, answer: @escaping (UnsafePointer<apus_command>, [UInt64]) -> Void
) -> CInt {
    Tour.all(
        command,
        { tour, home in
            if tour.isFirst { tour.sums = [0, 0, 0] }
            tour.sums[0] += UInt64(home.pointee.count)
            tour.sums[1] += UInt64(home.pointee.waitingCount)
            tour.sums[2] += UInt64(home.pointee.count) &- UInt64(home.pointee.table.used)
        }, answer: answer)
}

private func answerStatistics(_ command: UnsafePointer<apus_command>, _ sums: [UInt64]) {
    let host = command.pointee.host
    func read(_ group: apus_str, _ name: apus_str) -> Int64 {
        Int64(clamping: host.pointee.stats.pointee.read(host, group, name))
    }
    command.openMap()
    command.add("current", Int64(sums[0]))
    command.add("waiting", Int64(sums[1]))
    command.add("total", read("tmx", "UAS_transactions") + read("tmx", "UAC_transactions"))
    command.add("total_local", read("tmx", "UAC_transactions"))
    command.add("rpl_received", read("tmx", "rpl_received"))
    command.add("rpl_generated", read("tmx", "rpl_generated"))
    command.add("rpl_sent", read("tmx", "rpl_sent"))
    command.add("6xx", read("tmx", "6xx_transactions"))
    command.add("5xx", read("tmx", "5xx_transactions"))
    command.add("4xx", read("tmx", "4xx_transactions"))
    command.add("3xx", read("tmx", "3xx_transactions"))
    command.add("2xx", read("tmx", "2xx_transactions"))
    command.add("created", read("tm", "created"))
    command.add("freed", read("tm", "freed"))
    command.add("delayed_free", Int64(sums[2]))
    command.close()
}

/// `tm.list`
let listTransactions: @convention(c) (UnsafePointer<apus_command>) -> CInt = { command in
    Tour.all(command) { tour, home in
        let command = tour.command
        if tour.isFirst { command.openArray() }
        home.pointee.table.visit { list($0, command) }
        if tour.isLast { command.close() }
    }
}

private func list(_ transaction: TransactionRef, _ command: UnsafePointer<apus_command>) {
    let home = transaction.home
    let message = transaction.pointee.request.map { Message(handle: $0, api: home.messages) }
    func field(_ field: Int) -> apus_str {
        let text = message?.field(field) ?? ""
        return text.isNull ? "" : text
    }
    func value(_ name: apus_str) -> apus_str { message?.find(name)?.value ?? "" }
    let isLocal = transaction.pointee.flags.contains(.local)
    command.openMap()
    command.add("cell", Int64((transaction.pointee.hash ?? 0) % UInt64(Table.bucketCount)))
    command.add("tindex", Int64(transaction.publicIndex))
    command.add("tlabel", Int64(transaction.label))
    command.add("method", field(APUS_FIELD_METHOD_TEXT))
    command.add("from", value("From"))
    command.add("to", value("To"))
    command.add("callid", field(APUS_FIELD_CALL_ID))
    command.add("cseq", field(APUS_FIELD_CSEQ_NUMBER))
    command.add("uas_request", isLocal ? "no" : "yes")
    command.add("tflags", Int64(transaction.pointee.flags.rawValue))
    command.add("outgoings", Int64(transaction.pointee.branchCount))
    command.add("ref_count", Int64(transaction.pointee.references))
    command.add("lifetime", Int64((home.now &- transaction.pointee.started) / 1000))
    command.close()
}

/// `tm.clean`
let cleanTransactions: @convention(c) (UnsafePointer<apus_command>) -> CInt = { command in
    Tour.all(command) { _, home in
        let now = home.now
        for place in 0..<home.pointee.table.places {
            guard let transaction = home.pointee.table[place], transaction.pointee.phase == .waiting,
                now >= transaction.pointee.phaseEnd
            else { continue }
            transaction.end()
        }
    }
}

/// `tm.hash_stats`: over the buckets of all workers, which received requests are found by.
let hashStatistics: @convention(c) (UnsafePointer<apus_command>) -> CInt = { command in
    Tour.all(
        command,
        { tour, home in
            let table = home.pointee.table
            for bucket in 0..<Table.bucketCount { tour.sums.append(table.counts(ofBucket: bucket).current) }
        }, answer: answerHash)
}

private func answerHash(_ command: UnsafePointer<apus_command>, _ counts: [UInt64]) {
    let host = command.pointee.host
    let size = UInt64(counts.count)
    let current = counts.reduce(0, +)
    let target = (current + size - 1) / max(1, size)
    var extra: UInt64 = 0
    var deviating: UInt64 = 0
    var squares: UInt64 = 0
    for count in counts {
        let deviation = count > target ? count - target : target - count
        if count > target { extra += deviation }
        if deviation > 0, count > 0 { deviating += 1 }
        squares += deviation * deviation
    }
    command.openMap()
    command.add("hash_size", Int64(size))
    command.add("crt_transactions", Int64(current))
    command.add("acc_transactions", Int64(clamping: host.pointee.stats.pointee.read(host, "tmx", "UAS_transactions")))
    command.add("crt_target_per_cell", Int64(target))
    command.add("crt_min", Int64(counts.min() ?? 0))
    command.add("crt_max", Int64(counts.max() ?? 0))
    command.add("crt_worst_case_extra_cells", Int64(extra))
    command.add("crt_no_zero_cells", Int64(counts.count { $0 == 0 }))
    command.add("crt_no_deviating_cells", Int64(deviating))
    command.add("crt_deviation_sq_sum", Int64(clamping: squares))
    command.close()
}
