import PluginKit

// Invariants: an Errand lies in memory of the worker that asks, with its texts behind it, from `send` to its return there. Between the two posts
// only the transaction's worker touches it, then only the asking one again; posting orders their accesses. `job` is its first member.

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
    }

    /// The host's while it travels.
    var job = apus_job(size: UInt32(MemoryLayout<apus_job>.size), reserved: 0, links: (nil, nil), run: Errand.arrived)
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
    var reason = apus_str()

    // The way back.
    var asker: UInt32 = 0
    var token = apus_token()
    var isDone = false
    var isOnWayBack = false

    init(_ task: Task, _ call: Call) {
        self.task = task
        tm = call.tm
    }
}

extension Errand {
    /// Does it, on that worker.
    /// - Returns: the function's answer, or APUS_SUSPENDED, which the function returns at once.
    func go(to worker: UInt32, _ call: Call) -> CInt {
        let workers = call.host.pointee.worker
        let own = workers.pointee.index(call.host)
        if own >= 0, UInt32(own) == worker { return perform(call.host) ? .true : .false }
        guard own >= 0, worker < workers.pointee.count(call.host) else { return .false }
        return send(to: worker, from: UInt32(own), call)
    }

    private func send(to worker: UInt32, from own: UInt32, _ call: Call) -> CInt {
        let host = call.host
        let room = MemoryLayout<Errand>.stride
        let texts = callID.len + cseq.len + reason.len
        guard let memory = host.pointee.memory.pointee.allocate(host, room + texts) else {
            return call.fail("out of memory")
        }
        var copy = self
        var out = Writer(memory + room, capacity: texts)
        copy.callID = out.addCopy(of: callID)
        copy.cseq = out.addCopy(of: cseq)
        copy.reason = out.addCopy(of: reason)
        copy.asker = own
        let errand = memory.bindMemory(to: Errand.self, capacity: 1)
        errand.initialize(to: copy)
        errand.pointee.token = host.pointee.suspend.pointee.begin(call, 0, Errand.answered, nil)
        guard errand.pointee.token.value != 0 else {
            host.pointee.memory.pointee.release(host, memory)
            return call.fail("the transaction lives on another worker, and the script cannot wait here")
        }
        host.pointee.worker.pointee.post(host, worker, errand.pointer(to: \.job).unsafelyUnwrapped)
        return .suspended
    }

    /// [worker] On the transaction's worker, then on the asking one again.
    private static let arrived: @convention(c) (Host, UnsafeMutablePointer<apus_job>) -> Void = { host, job in
        let errand = UnsafeMutableRawPointer(job).assumingMemoryBound(to: Errand.self)
        guard !errand.pointee.isOnWayBack else {
            let status = CInt(errand.pointee.isDone ? APUS_OK : APUS_FAILED)
            host.pointee.suspend.pointee.complete(host, errand.pointee.token, status, nil, nil)
            return host.pointee.memory.pointee.release(host, errand)
        }
        errand.pointee.isDone = errand.pointee.perform(host)
        errand.pointee.isOnWayBack = true
        host.pointee.worker.pointee.post(host, errand.pointee.asker, job)
    }

    private static let answered: @convention(c) (Call, CInt, UnsafeMutableRawPointer?) -> CInt = { _, status, _ in
        status == CInt(APUS_OK) ? .true : .false
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
        }
    }
}

extension Writer {
    /// The text as it stands here.
    fileprivate mutating func addCopy(of text: apus_str) -> apus_str {
        let place = start + count
        add(text)
        return apus_str(start: UnsafePointer(place), count: text.len)
    }
}
