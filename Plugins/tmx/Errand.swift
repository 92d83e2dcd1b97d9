import PluginKit

// Invariants: an Errand is a function's value where it is made, and on the transaction's worker a copy of the host's; its texts live as long.

/// Something that a script does to a transaction which may live on another worker: done at once on the same one, else there, while the script
/// waits.
struct Errand {
    enum Task: UInt8 {
        /// Runs `route`: t_continue.
        case resume
        /// Cancels all branches of an INVITE, by Call-ID and CSeq.
        case cancelCall
        case cancelBranch
        /// Replies, by Call-ID and CSeq.
        case reply
        /// Acknowledges the 2xx to an INVITE of our own, by Call-ID and CSeq.
        case acknowledge
    }

    let tm: UnsafePointer<tm_api>
    let task: Task
    var index: UInt32 = 0
    var label: UInt32 = 0
    var callID = apus_str()
    var cseq = apus_str()
    var route: OpaquePointer?
    /// Of a branch, or of a flag to be set; 0: no flag.
    var number: UInt32 = 0
    var code: Int32 = 0
    /// Of a reply; of an ACK further header lines, and its body.
    var reason = apus_str()
    var headers = apus_str()
    var body = apus_str()

    /// How long a script waits for another worker, in milliseconds.
    private static let limit: UInt32 = 10_000

    init(_ task: Task, _ call: Call) {
        self.task = task
        tm = call.tm
    }
}

extension Errand {
    /// Does it, on that worker.
    /// - Returns: the function's answer, or APUS_SUSPENDED, which the function returns at once.
    mutating func go(to worker: UInt32, _ call: Call) -> CInt {
        var texts: [5 of UInt32] = [
            UInt32(MemoryLayout<Errand>.offset(of: \.callID).unsafelyUnwrapped),
            UInt32(MemoryLayout<Errand>.offset(of: \.cseq).unsafelyUnwrapped),
            UInt32(MemoryLayout<Errand>.offset(of: \.reason).unsafelyUnwrapped),
            UInt32(MemoryLayout<Errand>.offset(of: \.headers).unsafelyUnwrapped),
            UInt32(MemoryLayout<Errand>.offset(of: \.body).unsafelyUnwrapped),
        ]
        return withUnsafeMutableBytes(of: &texts) { texts in
            withUnsafeMutablePointer(to: &self) { errand in
                var asked = apus_errand(
                    size: UInt32(MemoryLayout<apus_errand>.size), worker: worker, data: errand,
                    count: MemoryLayout<Errand>.size, texts: texts.baseAddress?.assumingMemoryBound(to: UInt32.self),
                    text_count: UInt32(texts.count / 4), reserved: 0, run: Errand.arrived)
                return call.host.pointee.worker.pointee.ask(call, &asked, Errand.limit)
            }
        }
    }

    private static let arrived: @convention(c) (Host, UnsafeMutableRawPointer) -> CInt = { host, data in
        data.assumingMemoryBound(to: Errand.self).pointee.perform(host) ? .true : .false
    }

    /// [worker] On the transaction's worker. False when there is no such transaction, or it does not want that any more.
    private func perform(_ host: Host) -> Bool {
        switch task {
        case .resume:
            guard let route else { return false }
            return tm.pointee.t_continue(host, index, label, route) > 0
        case .cancelCall:
            guard let transaction = tm.pointee.t_lookup_callid(host, callID, cseq) else { return false }
            let facts = tm.facts(of: transaction)
            guard facts.method == UInt32(APUS_METHOD_INVITE) else { return false }
            if number > 0 { tm.pointee.set_flags(transaction, facts.flags | 1 &<< number) }
            tm.pointee.cancel_uacs(transaction, 0, code)
            return true
        case .cancelBranch:
            guard let transaction = tm.pointee.t_lookup_ident(host, index, label),
                tm.branch(Int32(clamping: number), of: transaction) != nil
            else { return false }
            tm.pointee.cancel_uacs(transaction, 1 &<< number, 0)
            return true
        case .reply:
            guard let transaction = tm.pointee.t_lookup_callid(host, callID, cseq) else { return false }
            var reply = tm_reply()
            reply.size = UInt32(MemoryLayout<tm_reply>.size)
            reply.code = code
            reply.reason = reason
            return tm.pointee.t_reply(transaction, &reply) > 0
        case .acknowledge:
            guard let transaction = tm.pointee.t_lookup_callid(host, callID, cseq) else { return false }
            return tm.pointee.ack_local_uac(transaction, nil, headers, body, apus_str()) > 0
        }
    }
}
