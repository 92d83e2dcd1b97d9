import PluginKit
import RoutingKit

// Invariants: one list a worker, touched by its thread only; its memory is the worker's for ever, and never grows.

/// Addresses that are not to be used for a while: nobody answered there, or the answer was 503 with a Retry-After (RFC 3261 section 21.5.4).
/// Each worker learns for itself. What does not fit pushes out what would be forgotten first.
struct BlockList {
    private struct Entry {
        /// Of address and transport, under the worker's secret: two are equal with no chance worth the name.
        var hash: UInt64 = 0
        var expires: UInt64 = 0
    }

    private static let buckets = 512
    /// Entries of a bucket.
    private static let ways = 4
    private let entries: UnsafeMutablePointer<Entry>
    /// When the last entry expires: until something is blocked nothing is looked at.
    private(set) var latest: UInt64 = 0

    init() {
        entries = .allocate(capacity: BlockList.buckets * BlockList.ways)
        entries.initialize(repeating: Entry(), count: BlockList.buckets * BlockList.ways)
    }

    mutating func insert(_ hash: UInt64, until expires: UInt64) {
        let bucket = bucket(hash)
        var place = 0
        for way in 0..<BlockList.ways {
            if bucket[way].hash == hash {
                place = way
                break
            }
            if bucket[way].expires < bucket[place].expires { place = way }
        }
        bucket[place] = Entry(hash: hash, expires: expires)
        latest = max(latest, expires)
    }

    func contains(_ hash: UInt64, at now: UInt64) -> Bool {
        let bucket = bucket(hash)
        for way in 0..<BlockList.ways where bucket[way].hash == hash { return bucket[way].expires > now }
        return false
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
        guard pointee.blockList.latest > now, settings.pointee.blstMethodsLookup & BlockList.bit(method) != 0 else {
            return
        }
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

    fileprivate func block(_ destination: apus_destination, milliseconds: UInt64) {
        pointee.blockList.insert(hash(destination.remote, destination.transport), until: now &+ milliseconds)
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
        home.block(pointee.destination, milliseconds: UInt64(settings.pointee.blockListExpire))
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
        home.block(pointee.destination, milliseconds: UInt64(seconds) &* 1000)
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

/// [start] What the core's parameters say of the block list.
func settleBlockList(_ host: Host, _ settings: UnsafeMutablePointer<Settings>) -> Bool {
    settings.pointee.usesBlockList = host.core("use_dst_blocklist").isOn
    let expire = host.core("dst_blocklist_expire")
    if expire.isInt { settings.pointee.blockListExpire = UInt32(clamping: min(expire.num, 1 << 20) * 1000) }
    if settings.pointee.blst503 != 0, !settings.pointee.usesBlockList {
        host.log(.notice, "blst_503 has no effect without the core's use_dst_blocklist=yes")
    }
    return true
}
