import PluginKit

// Invariants: run on the management thread; what a tour does runs on the worker whose transactions it looks at, and what it makes of that on the
// management thread again.

/// Replies and numbers in the text protocols.
func declareForms(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    host.form("t_reply", of: APUS_RPC_SER_TEXT, "line line line line lines body?", user: state) { command in
        guard command.pointee.count >= 5 else { return command.fail(400, "Too few arguments") }
        return replyByIdentity(command)
    }
    host.form("t_reply_callid", of: APUS_RPC_SER_TEXT, "line line line line line lines body?", user: state) { command in
        guard command.pointee.count >= 6 else { return command.fail(400, "Too few arguments") }
        return replyByCallID(command)
    }
    host.form("t_stats", of: APUS_RPC_SER_TEXT, user: state, call: statisticsLines)
    host.form("t_hash", of: APUS_RPC_SER_TEXT, user: state) {
        bucketLines($0, title: "200 ok\n\tcurrent\ttotal") { "\($0).\t\($1)\t\($2)" }
    }
    host.form("t_hash", of: APUS_RPC_MI_TEXT, user: state) {
        bucketLines($0, title: "200 OK") { "\($0) Current=\($1) Total=\($2)" }
    }
}

/// `t_stats`, as SER printed it.
private let statisticsLines: @convention(c) (UnsafePointer<apus_command>) -> CInt = { command in
    countTransactions(command) { command, sums in
        func read(_ name: apus_str) -> UInt64 {
            let host = command.pointee.host
            return host.pointee.stats.pointee.read(host, "tmx", name)
        }
        let local = read("UAC_transactions")
        command.add(line: "200 ok")
        command.add(
            line: "Current: \(sums[0]) (\(sums[1]) waiting) Total: \(read("UAS_transactions") + local) (\(local) local)"
        )
        command.add(line: "Replied localy: \(read("rpl_generated"))")
        command.add(
            line: "Completion status 6xx: \(read("6xx_transactions")), 5xx: \(read("5xx_transactions")), "
                + "4xx: \(read("4xx_transactions")), 3xx: \(read("3xx_transactions")),2xx: \(read("2xx_transactions"))")
    }
}

/// A line for each bucket of the tables, those of all workers together.
private func bucketLines(
    _ command: UnsafePointer<apus_command>, title: String,
    _ line: @escaping (_ bucket: Int, _ current: UInt64, _ total: UInt64) -> String
) -> CInt {
    Tour.all(
        command,
        { tour, home in
            if tour.isFirst { tour.sums = Array(repeating: 0, count: 2 * Table.bucketCount) }
            for bucket in 0..<Table.bucketCount {
                let (current, total) = home.pointee.table.counts(ofBucket: bucket)
                tour.sums[2 * bucket] += current
                tour.sums[2 * bucket + 1] += total
            }
        },
        answer: { command, sums in
            command.add(line: title)
            for bucket in 0..<Table.bucketCount {
                command.add(line: line(bucket, sums[2 * bucket], sums[2 * bucket + 1]))
            }
        })
}
