import Glibc

// Invariants: one table a worker, touched by its thread only. A linked Space is in exactly one bucket; it leaves the table before it is given
// back. `count` is the number of linked spaces.

/// Requests whose script waits before there is a transaction, by the key of RFC 3261 §17.2.3: branch and sent-by of the top Via, and
/// the method. Retransmissions are absorbed here, and a CANCEL waits here for its INVITE.
struct InFlight {
    private let buckets: UnsafeMutablePointer<UnsafeMutablePointer<Space>?>
    private(set) var count = 0

    private static let bucketCount = 4096

    init() {
        buckets = .allocate(capacity: InFlight.bucketCount)
        buckets.initialize(repeating: nil, count: InFlight.bucketCount)
    }

    /// What tells requests of one transaction from others; nil when the branch has no magic cookie, so that nothing is certain.
    @inline(__always)
    static func hash(_ message: Message) -> UInt64? {
        guard let via = message.topVia, via.hasMagicCookie else { return nil }
        // FNV-1a: the table is small, bounded by max_suspended, and a chain costs comparisons only.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for index in 0..<via.branch.count { hash = (hash ^ UInt64(via.branch[index])) &* 0x100_0000_01b3 }
        return hash
    }

    /// The waiting request that this one repeats (same method), or cancels (`cancels`: an INVITE).
    func find(_ hash: UInt64, _ message: Message, cancels: Bool) -> UnsafeMutablePointer<Space>? {
        guard let via = message.topVia else { return nil }
        var next = buckets[Int(hash % UInt64(InFlight.bucketCount))]
        while let space = next {
            next = space.pointee.nextInFlight
            guard space.pointee.flightHash == hash else { continue }
            let other = space.message
            guard let theirs = other.topVia, theirs.branch == via.branch, theirs.port == via.port,
                theirs.host.equalsIgnoringCase(via.host)
            else { continue }
            if cancels ? other.method == .invite : other.method == message.method { return space }
        }
        return nil
    }

    mutating func insert(_ space: UnsafeMutablePointer<Space>, _ hash: UInt64) {
        let bucket = Int(hash % UInt64(InFlight.bucketCount))
        space.pointee.flightHash = hash
        space.pointee.isInFlight = true
        space.pointee.nextInFlight = buckets[bucket]
        buckets[bucket] = space
        count += 1
    }

    mutating func remove(_ space: UnsafeMutablePointer<Space>) {
        guard space.pointee.isInFlight else { return }
        space.pointee.isInFlight = false
        let bucket = Int(space.pointee.flightHash % UInt64(InFlight.bucketCount))
        var link = buckets + bucket
        while let candidate = link.pointee {
            if candidate == space {
                link.pointee = space.pointee.nextInFlight
                count -= 1
                return
            }
            link = candidate.pointer(to: \.nextInFlight)!
        }
    }
}
