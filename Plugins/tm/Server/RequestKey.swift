import PluginKit

// Invariants: `bytes` is the transaction's own, made once by `fill` and released with it; the counts add up to its length.

/// By what a request is recognised that belongs to a transaction (RFC 3261 section 17.2.3), kept beside the request, which a transaction that
/// was answered at once does not keep.
struct RequestKey {
    /// Branch, sent-by host, method as text when it has no number, Call-ID; one behind the other.
    var bytes = Stored()
    fileprivate var branchCount: UInt16 = 0
    fileprivate var hostCount: UInt16 = 0
    fileprivate var methodCount: UInt16 = 0
    /// Of sent-by; 0 when absent.
    fileprivate var port: UInt32 = 0
    fileprivate var sequence: UInt32 = 0
    /// The branch has the cookie: branch, sent-by and method say everything.
    fileprivate(set) var isUnique = false

    fileprivate var branch: apus_str { part(0, branchCount) }
    fileprivate var host: apus_str { part(Int(branchCount), hostCount) }
    fileprivate var method: apus_str { part(Int(branchCount) + Int(hostCount), methodCount) }
    /// Empty when memory was out.
    var callID: apus_str {
        let before = Int(branchCount) + Int(hostCount) + Int(methodCount)
        return bytes.isEmpty ? apus_str() : bytes.text.dropFirst(before)
    }
    var cseq: UInt32 { sequence }

    private func part(_ from: Int, _ count: UInt16) -> apus_str {
        bytes.isEmpty ? apus_str() : bytes.text[from..<from + Int(count)]
    }
}

/// What a request says that is to be matched, read once.
struct RequestProbe {
    let message: Message
    let via: apus_via
    let callID: apus_str
    let sequence: UInt32
    let isUnique: Bool
    let hash: UInt64

    /// Nil when it has no Via, Call-ID or CSeq: nothing that the core passes on.
    @inline(__always)
    init?(_ home: UnsafeMutablePointer<Home>, _ handle: OpaquePointer) {
        let message = Message(handle: handle, api: home.messages)
        guard let via = message.via(0), let number = message.field(APUS_FIELD_CSEQ_NUMBER).number else { return nil }
        self.message = message
        self.via = via
        callID = message.field(APUS_FIELD_CALL_ID)
        sequence = UInt32(truncatingIfNeeded: number)
        isUnique =
            via.branch.len > 7 && via.branch.hasPrefix("z9hG4bK")
            && home.settings.pointee.callidCseqMatching == 0
        hash =
            isUnique ? home.pointee.keyedHash(via.branch) : home.pointee.keyedHash(callID, UInt64(sequence) | 1 &<< 32)
    }
}

extension TransactionRef {
    @inline(__always)
    var key: UnsafeMutablePointer<RequestKey> { pointer(to: \.key).unsafelyUnwrapped }

    /// Notes by what the request is recognised. False when memory is out, or it cannot be: texts too long for any real peer.
    func fillKey(_ probe: RequestProbe) -> Bool {
        let method = pointee.method == UInt32(APUS_METHOD_OTHER) ? probe.message.field(APUS_FIELD_METHOD_TEXT) : ""
        let (branch, host, callID) = (probe.via.branch, probe.via.host, probe.callID)
        let count = branch.len + host.len + method.len + callID.len
        guard count <= Int(UInt16.max), let memory = home.host.pointee.memory.pointee.allocate(home.host, count) else {
            return false
        }
        var out = Writer(memory, capacity: count)
        out.add(branch)
        out.add(host)
        out.add(method)
        out.add(callID)
        key.pointee.bytes = Stored(start: memory, count: UInt32(count))
        key.pointee.branchCount = UInt16(branch.len)
        key.pointee.hostCount = UInt16(host.len)
        key.pointee.methodCount = UInt16(method.len)
        key.pointee.port = probe.via.port
        key.pointee.sequence = probe.sequence
        key.pointee.isUnique = probe.isUnique
        return true
    }

    /// Whether the request belongs to this transaction, of that method.
    @inline(__always)
    func matches(_ probe: RequestProbe, method: UInt32) -> Bool {
        guard pointee.hash == probe.hash, pointee.method == method, key.pointee.isUnique == probe.isUnique,
            method != UInt32(APUS_METHOD_OTHER)
                || key.pointee.method.equals(probe.message.field(APUS_FIELD_METHOD_TEXT))
        else { return false }
        let settings = home.settings
        guard probe.isUnique else { return matchesFields(probe, settings) }
        return key.pointee.branch.equals(probe.via.branch) && key.pointee.port == probe.via.port
            && key.pointee.host.equalsIgnoringCase(probe.via.host)
            && (settings.pointee.callidMatching == 0 || key.pointee.callID.equals(probe.callID))
    }

    /// RFC 2543 peers, and those matched by `callid_cseq_matching`. The To tag is compared for retransmissions only: some old peers put
    /// one of their own, or none, into ACK and CANCEL.
    @inline(never)
    private func matchesFields(_ probe: RequestProbe, _ settings: UnsafeMutablePointer<Settings>) -> Bool {
        guard key.pointee.callID.equals(probe.callID), key.pointee.sequence == probe.sequence else { return false }
        if settings.pointee.callidCseqMatching != 0 { return true }
        if settings.pointee.via1Matching != 0 {
            guard key.pointee.branch.equals(probe.via.branch), key.pointee.port == probe.via.port,
                key.pointee.host.equalsIgnoringCase(probe.via.host)
            else { return false }
        }
        guard let request = pointee.request else { return false }
        let own = Message(handle: request, api: home.messages)
        guard own.field(APUS_FIELD_FROM_TAG).equals(probe.message.field(APUS_FIELD_FROM_TAG)) else { return false }
        if settings.pointee.ruriMatching != 0 {
            let uri = probe.message.field(APUS_FIELD_ORIGINAL_URI)
            guard own.field(APUS_FIELD_ORIGINAL_URI).equals(uri) else { return false }
        }
        return probe.message.method != Int(pointee.method)
            || own.field(APUS_FIELD_TO_TAG).equals(probe.message.field(APUS_FIELD_TO_TAG))
    }
}
