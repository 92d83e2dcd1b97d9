import PluginKit

// Invariants: called on the home worker of the message's Call-ID, where all transactions of that call are.

extension UnsafeMutablePointer<Home> {
    /// The hash by which the table finds the transaction of that request, its ACK and its CANCEL. Nil when it lacks what is needed.
    func hash(of message: OpaquePointer) -> UInt64? { RequestProbe(self, message)?.hash }

    /// The transaction to which a request belongs (RFC 3261 section 17.2.3; of older peers by its fields): `method` is the one of the
    /// transaction: the request's own for a retransmission, INVITE for an ACK or CANCEL. An ACK to a 2xx, which has a branch of its own,
    /// finds its INVITE too: `lastStatus` tells which it is.
    func match(_ message: OpaquePointer, method: UInt32) -> TransactionRef? {
        guard let probe = RequestProbe(self, message) else { return nil }
        if let found = match(probe, method: method) { return found }
        let isAck = probe.message.method == APUS_METHOD_ACK
        return isAck && method == UInt32(APUS_METHOD_INVITE) ? pointee.accepted.find(self, probe) : nil
    }

    /// The same without the look-up of an ACK to a 2xx.
    @inline(__always)
    func match(_ probe: RequestProbe, method: UInt32) -> TransactionRef? {
        var next = pointee.table.first(probe.hash)
        while let candidate = next {
            if candidate.matches(probe, method: method) { return candidate }
            next = candidate.pointee.nextInBucket
        }
        return nil
    }
}

/// INVITE transactions that were answered with a 2xx, by Call-ID and CSeq number: the ACK to a 2xx is a transaction of its own and shares
/// nothing else with them (RFC 3261 section 13.2.2.4).
struct AcceptedIndex {
    private static let bucketCount = 1 << 12
    /// Whoever makes more calls with one Call-ID and CSeq number gets no such look-up for the further ones.
    private static let longestChain = 64
    private let buckets: UnsafeMutablePointer<TransactionRef?>

    init() {
        buckets = .allocate(capacity: AcceptedIndex.bucketCount)
        buckets.initialize(repeating: nil, count: AcceptedIndex.bucketCount)
    }

    private func bucket(_ hash: UInt64) -> UnsafeMutablePointer<TransactionRef?> {
        buckets + Int(hash % UInt64(AcceptedIndex.bucketCount))
    }

    func insert(_ transaction: TransactionRef) {
        guard transaction.pointee.acceptedHash == 0 else { return }
        let key = transaction.key.pointee
        let hash = transaction.home.pointee.keyedHash(key.callID, UInt64(key.cseq))
        let link = bucket(hash)
        var length = 0
        var next = link.pointee
        while let other = next {
            length &+= 1
            next = other.pointee.nextAccepted
        }
        guard length < AcceptedIndex.longestChain else { return }
        transaction.pointee.acceptedHash = hash
        transaction.pointee.nextAccepted = link.pointee
        link.pointee = transaction
    }

    func remove(_ transaction: TransactionRef) {
        guard transaction.pointee.acceptedHash != 0 else { return }
        var link = bucket(transaction.pointee.acceptedHash)
        while let candidate = link.pointee {
            if candidate == transaction {
                link.pointee = transaction.pointee.nextAccepted
                break
            }
            link = candidate.pointer(to: \.nextAccepted).unsafelyUnwrapped
        }
        transaction.pointee.acceptedHash = 0
        transaction.pointee.nextAccepted = nil
    }

    /// The INVITE's transaction of an ACK to its 2xx.
    func find(_ home: UnsafeMutablePointer<Home>, _ probe: RequestProbe) -> TransactionRef? {
        let hash = home.pointee.keyedHash(probe.callID, UInt64(probe.sequence))
        var next = bucket(hash).pointee
        while let candidate = next {
            if candidate.pointee.acceptedHash == hash, candidate.key.pointee.cseq == probe.sequence,
                candidate.key.pointee.callID.equals(probe.callID), candidate.hasCaller(of: probe)
            {
                return candidate
            }
            next = candidate.pointee.nextAccepted
        }
        return nil
    }
}

extension TransactionRef {
    /// Whether the From tags are equal.
    fileprivate func hasCaller(of probe: RequestProbe) -> Bool {
        guard let request = pointee.request else { return false }
        return Message(handle: request, api: home.messages).field(APUS_FIELD_FROM_TAG)
            .equals(probe.message.field(APUS_FIELD_FROM_TAG))
    }
}
