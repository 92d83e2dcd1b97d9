import PluginKit

// Invariants: counters grow only; what goes up and down is computed from two of them when somebody reads it.

/// Names the module's statistics: tmx's, whose older names tm had, and tm's own. Declare only.
func declareCounters(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    let counters = state.pointer(to: \.counters).unsafelyUnwrapped
    counters.pointee.uasTransactions = host.counter(
        "tmx", "UAS_transactions", doc: "Transactions made for received requests.")
    counters.pointee.uacTransactions = host.counter("tmx", "UAC_transactions", doc: "Transactions of own requests.")
    counters.pointee.classes[0] = host.counter("tmx", "2xx_transactions", doc: "Transactions ended with a 2xx.")
    counters.pointee.classes[1] = host.counter("tmx", "3xx_transactions", doc: "Transactions ended with a 3xx.")
    counters.pointee.classes[2] = host.counter("tmx", "4xx_transactions", doc: "Transactions ended with a 4xx.")
    counters.pointee.classes[3] = host.counter("tmx", "5xx_transactions", doc: "Transactions ended with a 5xx.")
    counters.pointee.classes[4] = host.counter("tmx", "6xx_transactions", doc: "Transactions ended with a 6xx.")
    counters.pointee.rplReceived = host.counter("tmx", "rpl_received", doc: "Replies received.")
    counters.pointee.rplAbsorbed = host.counter("tmx", "rpl_absorbed", doc: "Replies received and not forwarded.")
    counters.pointee.rplRelayed = host.counter("tmx", "rpl_relayed", doc: "Replies forwarded.")
    counters.pointee.rplGenerated = host.counter("tmx", "rpl_generated", doc: "Replies made here.")
    counters.pointee.rplSent = host.counter("tmx", "rpl_sent", doc: "Replies sent, retransmissions included.")
    counters.pointee.clientTransactions = host.counter(
        "tm", "client_transactions", doc: "Client transactions: each address to which a request was sent.")
    counters.pointee.requestRetransmissions = host.counter(
        "tm", "request_retransmissions", doc: "Retransmissions of requests that were absorbed.")
    counters.pointee.retransmitted[0].declare(host, "retransmitted_requests", "Requests sent again")
    counters.pointee.retransmitted[1].declare(host, "retransmitted_final_replies", "Final replies sent again")
    counters.pointee.retransmitted[2].declare(
        host, "retransmitted_provisional_replies", "Provisional replies sent again")
    counters.pointee.rplWithoutVia = host.counter(
        "tm", "replies_without_via", doc: "Replies not forwarded: the Vias below ours were missing.")
    counters.pointee.rplTooLong = host.counter(
        "tm", "replies_too_long", doc: "Replies not forwarded: they were longer than a message may be.")
    counters.pointee.created = host.counter("tm", "created", doc: "Transactions made.")
    counters.pointee.freed = host.counter("tm", "freed", doc: "Transactions freed.")
    counters.pointee.completed = host.counter("tm", "completed", doc: "Transactions put on the wait timer.")
    counters.pointee.waited = host.counter("tm", "waited", doc: "Transactions whose wait timer is over.")

    // Whoever reads them is on any thread and has the host only.
    let user = UnsafeMutableRawPointer(mutating: host)
    host.gauge("tmx", "inuse_transactions", doc: "Transactions in memory.", user: user) { current($0.host) }
    host.gauge("tmx", "active_transactions", doc: "Transactions that are not on the wait timer.", user: user) {
        max(0, current($0.host) - waiting($0.host))
    }
    host.gauge("tm", "waiting_transactions", doc: "Transactions on the wait timer.", user: user) { waiting($0.host) }
    host.gauge("tm", "received_replies", doc: "Replies received.", user: user) {
        read($0.host, "tmx", "rpl_received")
    }
    host.gauge("tm", "relayed_replies", doc: "Replies forwarded.", user: user) { read($0.host, "tmx", "rpl_relayed") }
    host.gauge("tm", "local_replies", doc: "Replies made here.", user: user) { read($0.host, "tmx", "rpl_generated") }
    host.gauge("tm", "pieces_in_use", doc: "Pieces of memory that the module holds.", user: user) {
        Int64(clamping: $0.host.pointee.memory.pointee.in_use($0.host, nil))
    }
}

extension UnsafeMutableRawPointer? {
    fileprivate var host: Host { Host(unsafelyUnwrapped.assumingMemoryBound(to: apus_host.self)) }
}

private func read(_ host: Host, _ group: apus_str, _ name: apus_str) -> Int64 {
    Int64(clamping: host.pointee.stats.pointee.read(host, group, name))
}

private func current(_ host: Host) -> Int64 { max(0, read(host, "tm", "created") - read(host, "tm", "freed")) }
private func waiting(_ host: Host) -> Int64 { max(0, read(host, "tm", "completed") - read(host, "tm", "waited")) }

extension TransactionRef {
    /// The transaction is completed with that status.
    @inline(__always)
    func countCompletion(_ status: Int32) {
        guard 200...699 ~= status else { return }
        home.host.bump(home.counters.pointee.classes[Int(status / 100 - 2)])
    }
}
