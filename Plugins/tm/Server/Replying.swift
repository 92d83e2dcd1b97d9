import PluginKit
import RoutingKit

// Invariants: bytes given to `put` live until this worker writes another message, which callbacks may do: they are kept before anybody else
// is called, and sent from there.

/// A reply of our own to the request of a transaction.
struct LocalReply {
    /// 100 to 999.
    var code: Int32
    var reason: apus_str
    /// Empty: the transaction's.
    var toTag = apus_str()
    /// Whole lines.
    var headers = apus_str()
    var body = apus_str()
    var bodyType = apus_str()
    /// The request whose append_to_reply lines count, a copy that a route works on; nil: the transaction's.
    var on: OpaquePointer?
}

extension TransactionRef {
    /// The To tag of all replies of our own, made when the first one needs it.
    var localTag: apus_str {
        let place = UnsafeMutableRawPointer(pointer(to: \.toTag).unsafelyUnwrapped)
        if pointee.toTagCount == 0 {
            var out = Writer(place, capacity: 16)
            out.add(hex: home.pointee.random.take(), width: 16)
            pointee.toTagCount = 16
        }
        return apus_str(start: UnsafePointer(place.assumingMemoryBound(to: UInt8.self)), count: Int(pointee.toTagCount))
    }

    /// Replies. A final reply ends forking: branches that are still out are cancelled. False when a final one was sent before, when there is
    /// nobody to answer, or when the reply cannot be written.
    func reply(_ reply: LocalReply) -> Bool {
        guard pointee.lastStatus < 200, pointee.phase == .active, !pointee.flags.contains(.local),
            let request = reply.on ?? pointee.request
        else { return false }
        var parts = apus_reply()
        parts.size = UInt32(MemoryLayout<apus_reply>.size)
        parts.code = reply.code
        parts.reason = reply.reason
        if reply.code > 100 { parts.to_tag = reply.toTag.isEmpty ? localTag : reply.toTag }
        parts.headers = reply.headers
        parts.body = reply.body
        parts.body_type = reply.bodyType
        var bytes = apus_str()
        guard home.host.pointee.reply.pointee.write(request, &parts, &bytes) > 0 else { return false }
        let isFinal = reply.code >= 200
        if isFinal { pointee.flags.insert(.noNewBranches) }
        put(bytes, status: reply.code, isLocal: true, reply: nil)
        if isFinal, pointee.branches != nil { cancelBranches(0, reason: reply.code) }
        return true
    }

    /// Sends a reply, of our own or forwarded, and keeps it for retransmission: the one way by which replies leave. Moves the transaction on
    /// (RFC 3261 section 17.2). After a final reply only further 2xx of an INVITE pass (RFC 6026); others are dropped.
    /// - Parameters:
    ///   - reply: the message that is forwarded; nil for one of our own.
    ///   - branch: from which it came; -1 for one of our own.
    func put(_ bytes: apus_str, status: Int32, isLocal: Bool, reply: OpaquePointer?, branch: Int32 = -1) {
        let isRepeated = pointee.lastStatus >= 200
        if isRepeated {
            let isInviteAccepted = pointee.flags.contains(.invite) && pointee.lastStatus < 300 && 200..<300 ~= status
            guard isInviteAccepted else { return }
            return sendAgain(bytes, status: status, reply: reply, branch: branch)
        }
        // A CANCEL that waits is answered when the bytes have left: its answer is written where they are.
        defer { if status >= 200, pointee.canceller != nil { answerCanceller(200, "canceling") } }
        home.release(&pointee.lastReply)
        pointee.lastStatus = status
        if isLocal { pointee.flags.insert(.localReply) } else { pointee.flags.remove(.localReply) }
        if status >= 200 { complete(status) }
        // A replica's replies go nowhere, not even when the request comes again.
        guard !pointee.flags.contains(.replica), !pointee.flags.contains(.local) else { return }
        pointee.lastReply = home.keep(bytes)
        // Without memory it is sent once.
        let isKept = !pointee.lastReply.isEmpty
        let text = isKept ? pointee.lastReply.text : bytes
        var occurrence = Occurrence(
            reply: reply, code: status, flags: isLocal ? TM_LOCAL | TM_FAKED : 0, branch: branch,
            destination: UnsafePointer(pointer(to: \.source).unsafelyUnwrapped), bytes: text)
        tell(TM_RESPONSE_READY, occurrence)
        // Somebody has replied meanwhile: that was sent, and this one is no more.
        guard pointee.lastStatus == status,
            !isKept || pointee.lastReply.start == UnsafeMutableRawPointer(mutating: text.s)
        else { return }
        let sent = mayLeave(reply, text) && send(text)
        // What the script does not want to be sent is not sent again either.
        if !sent, reply != nil { home.release(&pointee.lastReply) }
        home.host.bump(isLocal ? home.counters.pointee.rplGenerated : home.counters.pointee.rplRelayed)
        guard sent else { return }
        tell(TM_RESPONSE_SENT, occurrence)
        guard status >= 200 || !isLocal else { return }
        occurrence.bytes = apus_str()
        tell(TM_RESPONSE_OUT, occurrence)
    }

    /// The transaction ends with that status and nobody is told: its branches are cancelled, and what still comes is absorbed. False when it has
    /// its final reply.
    func drop(_ status: Int32) -> Bool {
        guard pointee.phase == .active, pointee.lastStatus < 200 else { return false }
        pointee.lastStatus = status
        pointee.flags.insert([.noNewBranches, .localReply])
        countCompletion(status)
        cancelBranches(0, reason: status)
        wait()
        return true
    }

    /// Sends the last reply again. False when there is none, or it could not be sent.
    @discardableResult
    func retransmitReply() -> Bool {
        guard !pointee.lastReply.isEmpty, send(pointee.lastReply.text) else { return false }
        home.host.bump(home.counters.pointee.retransmitted[pointee.lastStatus >= 200 ? 1 : 2][pointee.method])
        tell(
            TM_RESPONSE_SENT,
            Occurrence(
                code: pointee.lastStatus, flags: TM_RETRANSMISSION,
                destination: UnsafePointer(pointer(to: \.source).unsafelyUnwrapped), bytes: pointee.lastReply.text))
        return true
    }

    /// A 2xx after the first one: of another branch, or repeated by the called side, who waits for the ACK.
    private func sendAgain(_ bytes: apus_str, status: Int32, reply: OpaquePointer?, branch: Int32) {
        guard !pointee.flags.contains(.replica), !pointee.flags.contains(.local), mayLeave(reply, bytes),
            send(bytes)
        else { return }
        home.host.bump(home.counters.pointee.rplRelayed)
        tell(
            TM_RESPONSE_SENT,
            Occurrence(
                reply: reply, code: status, flags: TM_RETRANSMISSION, branch: branch,
                destination: UnsafePointer(pointer(to: \.source).unsafelyUnwrapped)))
    }

    /// Shows a reply that is passed on to onsend_route, if that wants to see it; false: the script drops it.
    func mayLeave(_ reply: OpaquePointer?, _ bytes: apus_str) -> Bool {
        guard home.settings.pointee.showsReplies, let reply else { return true }
        let destination = UnsafePointer(pointer(to: \.source).unsafelyUnwrapped)
        return home.host.pointee.net.pointee.onsend_reply(home.host, reply, destination, bytes) > 0
    }

    @inline(__always)
    private func send(_ bytes: apus_str) -> Bool {
        let destination = UnsafePointer(pointer(to: \.source).unsafelyUnwrapped)
        guard home.host.pointee.net.pointee.send(home.host, destination, bytes) == 0 else { return false }
        home.host.bump(home.counters.pointee.rplSent)
        return true
    }

    /// A final reply goes out: what comes next.
    private func complete(_ status: Int32) {
        countCompletion(status)
        guard pointee.phase == .active else { return }
        guard pointee.flags.contains(.invite) else { return wait() }
        if status < 300 {
            home.pointee.accepted.insert(self)
            return wait()
        }
        // Repeated until the ACK comes; over a reliable transport the ACK is only waited for (timers G and H).
        pointee.phase = .completed
        let now = home.now
        pointee.phaseEnd = now &+ UInt64(pointee.timers.fr)
        let isReliable = home.host.pointee.net.pointee.is_reliable(pointee.source.transport) > 0
        pointee.retransmissions = 0
        pointee.retransmissionInterval = pointee.timers.retr1
        pointee.nextRetransmission =
            isReliable || pointee.flags.contains(.replica) ? 0 : now &+ UInt64(pointee.timers.retr1)
        schedule()
    }
}
