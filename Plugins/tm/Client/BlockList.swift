import PluginKit
import RoutingKit

// Invariants: one list a worker, touched by its thread only; its memory is the worker's for ever, and never grows.

/// Addresses that are not to be used for a while: nobody answered there, or the answer was 503 with a Retry-After (RFC 3261 section 21.5.4).
/// Each worker learns for itself. What does not fit pushes out what would be forgotten first.
struct BlockList {
    /// Why, in Kamailio's bits.
    struct Reasons: OptionSet {
        let rawValue: UInt8
        static let isV6 = Reasons(rawValue: 1)
        /// Nobody answered.
        static let timeout = Reasons(rawValue: 16)
        /// 503
        static let unavailable = Reasons(rawValue: 32)
        /// For ever.
        static let permanent = Reasons(rawValue: 128)
    }

    struct Entry {
        /// Of address and transport, under the worker's secret: two are equal with no chance worth the name. 0 and no time: no entry.
        var hash: UInt64 = 0
        /// Milliseconds of the worker's clock.
        var expires: UInt64 = 0
        var address = apus_address()
        var transport: UInt8 = 0
        var reasons: Reasons = []
    }

    private static let buckets = 512
    /// Entries of a bucket.
    private static let ways = 4
    private let entries: UnsafeMutablePointer<Entry>
    /// When the last entry expires: until something is blocked nothing is looked at.
    private(set) var latest: UInt64 = 0
    /// Addresses that were passed over, and entries that were pushed out.
    var hits: UInt64 = 0
    var evictions: UInt64 = 0

    /// Bytes of all there may be.
    static let size = buckets * ways * MemoryLayout<Entry>.stride

    init() {
        entries = .allocate(capacity: BlockList.buckets * BlockList.ways)
        entries.initialize(repeating: Entry(), count: BlockList.buckets * BlockList.ways)
    }

    mutating func insert(_ entry: Entry, at now: UInt64) {
        let bucket = bucket(entry.hash)
        var place = 0
        for way in 0..<BlockList.ways {
            if bucket[way].hash == entry.hash {
                place = way
                break
            }
            if bucket[way].expires < bucket[place].expires { place = way }
        }
        if bucket[place].hash != entry.hash, bucket[place].expires > now { evictions &+= 1 }
        bucket[place] = entry
        latest = max(latest, entry.expires)
    }

    mutating func contains(_ hash: UInt64, at now: UInt64) -> Bool {
        let bucket = bucket(hash)
        for way in 0..<BlockList.ways where bucket[way].hash == hash {
            guard bucket[way].expires > now else { return false }
            hits &+= 1
            return true
        }
        return false
    }

    /// Forgets all but what is there for ever.
    mutating func removeAll() {
        latest = 0
        for place in 0..<BlockList.buckets * BlockList.ways {
            if entries[place].reasons.contains(.permanent) {
                latest = max(latest, entries[place].expires)
            } else {
                entries[place] = Entry()
            }
        }
    }

    /// Shows those that hold.
    func visit(at now: UInt64, _ body: (Entry) -> Void) {
        guard latest > now else { return }
        for place in 0..<BlockList.buckets * BlockList.ways where entries[place].expires > now { body(entries[place]) }
    }

    @inline(__always)
    private func bucket(_ hash: UInt64) -> UnsafeMutablePointer<Entry> {
        entries + Int(hash % UInt64(BlockList.buckets)) * BlockList.ways
    }
}

extension UnsafeMutablePointer<Home> {
    /// Leaves out the addresses that are blocked, unless all are or the method is not to be bothered.
    @inline(__always)
    func dropBlocked(_ lookup: UnsafeMutablePointer<apus_lookup>, method: UInt32) {
        guard pointee.blockList.latest > now, settings.pointee.usesBlockList,
            settings.pointee.blstMethodsLookup & BlockList.bit(method) != 0
        else { return }
        dropBlocked(lookup)
    }

    @inline(never)
    private func dropBlocked(_ lookup: UnsafeMutablePointer<apus_lookup>) {
        let now = now
        var count = 0
        for index in 0..<Int(lookup.pointee.count) {
            let hop = lookup.hops[index]
            guard !pointee.blockList.contains(hash(hop.address, hop.transport), at: now) else { continue }
            // Those that are passed over go behind, in case all are.
            lookup.hops[index] = lookup.hops[count]
            lookup.hops[count] = hop
            count += 1
        }
        if count > 0 { lookup.pointee.count = UInt32(count) }
    }

    /// Leaves the address alone for a while, unless such reasons are to be passed over for its transport.
    func block(_ address: apus_address, _ transport: UInt32, _ reasons: BlockList.Reasons, milliseconds: UInt64) {
        let mask: Int64
        switch Int(transport) {
        case APUS_UDP: mask = settings.pointee.blockListMasks.0
        case APUS_TCP: mask = settings.pointee.blockListMasks.1
        case APUS_TLS: mask = settings.pointee.blockListMasks.2
        case APUS_SCTP: mask = settings.pointee.blockListMasks.3
        default: mask = 0
        }
        guard Int64(reasons.rawValue) & mask == 0 else { return }
        let now = now
        pointee.blockList.insert(
            BlockList.Entry(
                hash: hash(address, transport),
                expires: reasons.contains(.permanent) ? UInt64.max : now &+ milliseconds, address: address,
                transport: UInt8(truncatingIfNeeded: transport),
                reasons: address.family == 6 ? reasons.union(.isV6) : reasons),
            at: now)
    }

    private func hash(_ address: apus_address, _ transport: UInt32) -> UInt64 {
        withUnsafeBytes(of: address) {
            pointee.keyedHash(
                apus_str(start: $0.baseAddress?.assumingMemoryBound(to: UInt8.self), count: $0.count),
                UInt64(transport))
        }
    }
}

extension BranchRef {
    /// Nobody has answered there: requests go elsewhere for a while.
    func blockSilent() {
        let settings = home.settings
        guard settings.pointee.usesBlockList, !pointee.flags.contains(.replied), pointee.flags.contains(.sent),
            settings.pointee.blstMethodsAdd & BlockList.bit(pointee.transaction.pointee.method) != 0
        else { return }
        home.block(
            pointee.destination.remote, pointee.destination.transport, .timeout,
            milliseconds: UInt64(settings.pointee.blockListExpire))
    }

    /// The server there said 503, and possibly for how long it wants to be left alone.
    func blockUnavailable(_ reply: OpaquePointer) {
        let settings = home.settings
        guard settings.pointee.usesBlockList, settings.pointee.blst503 != 0 else { return }
        var seconds = settings.pointee.blst503DefTimeout
        if let header = apus_header.filled({ home.messages.pointee.find(reply, "Retry-After", 0, $0) }) {
            // A comment and parameters may follow.
            let digits = header.value.bytes.prefix(9).prefix { $0 &- 0x30 <= 9 }.count
            let value = digits > 0 ? header.value[0..<digits].number ?? 0 : 0
            seconds = Swift.min(
                Swift.max(value, settings.pointee.blst503MinTimeout), settings.pointee.blst503MaxTimeout)
        }
        guard seconds > 0 else { return }
        home.block(
            pointee.destination.remote, pointee.destination.transport, .unavailable,
            milliseconds: UInt64(seconds) &* 1000)
    }
}

extension BlockList {
    /// The method's bit in `blst_methods_add` and `blst_methods_lookup`.
    static func bit(_ method: UInt32) -> Int64 {
        switch Int(method) {
        case APUS_METHOD_INVITE: 1
        case APUS_METHOD_CANCEL: 2
        case APUS_METHOD_ACK: 4
        case APUS_METHOD_BYE: 8
        case APUS_METHOD_INFO: 16
        case APUS_METHOD_REGISTER: 32
        case APUS_METHOD_SUBSCRIBE: 64
        case APUS_METHOD_NOTIFY: 128
        default: 256
        }
    }
}
