import PluginKit
import Synchronization

// Invariants: a list of sets is built aside and constant from the moment it is in force; it is freed when no worker can see it any more. The list of all
// peers only grows, by one thread at a time, and never moves.

/// One proxy of a set.
struct Member {
    let peer: PeerRef
    /// 0: only when there is nothing else.
    let weight: UInt32
}

struct PeerSet {
    let id: Int64
    let members: UnsafeMutablePointer<Member>
    let count: Int

    /// The one for a call.
    /// - Parameters:
    ///   - hash: of the Call-ID: the same call comes to the same proxy while none changes its state.
    ///   - tried: not one of these; nor one that is disabled.
    @_noLocks func choose(hash: UInt32, without tried: PeerMask) -> PeerRef? {
        var sum: UInt64 = 0
        var spare: UInt64 = 0
        for index in 0..<count where members[index].peer.isUsable(tried) {
            sum += UInt64(members[index].weight)
            if members[index].weight == 0 { spare += 1 }
        }
        let usesSpare = sum == 0
        guard !usesSpare || spare > 0 else { return nil }
        var place = UInt64(hash) % (usesSpare ? spare : sum)
        for index in 0..<count where members[index].peer.isUsable(tried) {
            let share = usesSpare ? 1 : UInt64(members[index].weight)
            if place < share { return members[index].peer }
            place -= share
        }
        return nil
    }
}

extension UnsafeMutablePointer<Peer> {
    fileprivate func isUsable(_ tried: PeerMask) -> Bool { isEnabled && !tried.contains(pointee.number) }
}

/// All sets, by the order of their numbers.
struct PeerSets {
    let sets: UnsafeMutablePointer<PeerSet>
    let count: Int

    subscript(id: Int64) -> PeerSet? {
        for index in 0..<count where sets[index].id == id { return sets[index] }
        return nil
    }

    /// What lines of the config or rows of a table say, those of one set together. Of a proxy that stands twice in a set the last weight counts.
    init(_ lists: [(set: Int64, peer: PeerRef, weight: UInt32)]) {
        var order: [Int64] = []
        var members: [Int64: [Member]] = [:]
        for one in lists {
            if members[one.set] == nil { order.append(one.set) }
            var list = members[one.set] ?? []
            list.removeAll { $0.peer == one.peer }
            list.append(Member(peer: one.peer, weight: one.weight))
            members[one.set] = list
        }
        order.sort()
        sets = UnsafeMutablePointer<PeerSet>.allocate(capacity: max(1, order.count))
        for (index, id) in order.enumerated() {
            let list = members[id] ?? []
            let place = UnsafeMutablePointer<Member>.allocate(capacity: max(1, list.count))
            for (index, member) in list.enumerated() { (place + index).initialize(to: member) }
            (sets + index).initialize(to: PeerSet(id: id, members: place, count: list.count))
        }
        count = order.count
    }

    /// Nobody sees it any more.
    func end() {
        for index in 0..<count { sets[index].members.deallocate() }
        sets.deallocate()
    }
}

/// All proxies that any set has, or had.
struct PeerList: ~Copyable {
    static let capacity = 256

    private let peers: UnsafeMutablePointer<PeerRef?>
    private let used = Atomic<Int>(0)

    init() {
        peers = .allocate(capacity: PeerList.capacity)
        peers.initialize(repeating: nil, count: PeerList.capacity)
    }

    /// [any]
    var count: Int { used.load(ordering: .acquiring) }
    /// [any]
    subscript(number: Int) -> PeerRef { peers[number].unsafelyUnwrapped }

    /// The peer of that URL, which is made when there is none; nil when there are too many.
    func find(_ url: String, _ address: ControlAddress) -> (peer: PeerRef, isNew: Bool)? {
        for number in 0..<count where self[number].pointee.url.string == url { return (self[number], false) }
        guard count < PeerList.capacity else { return nil }
        let bytes = Array(url.utf8)
        let text = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, bytes.count))
        text.initialize(from: bytes, count: bytes.count)
        let peer = PeerRef.allocate(capacity: 1)
        peer.initialize(
            to: Peer(number: count, url: apus_str(start: text, count: bytes.count), address: address))
        peers[count] = peer
        used.store(count + 1, ordering: .releasing)
        return (peer, true)
    }
}

/// Bits of peers, by their numbers.
struct PeerMask {
    private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    var isEmpty: Bool { words.0 | words.1 | words.2 | words.3 == 0 }

    func contains(_ number: Int) -> Bool {
        let bit: UInt64 = 1 << UInt64(number & 63)
        switch number >> 6 {
        case 0: return words.0 & bit != 0
        case 1: return words.1 & bit != 0
        case 2: return words.2 & bit != 0
        default: return words.3 & bit != 0
        }
    }

    mutating func insert(_ number: Int) {
        let bit: UInt64 = 1 << UInt64(number & 63)
        switch number >> 6 {
        case 0: words.0 |= bit
        case 1: words.1 |= bit
        case 2: words.2 |= bit
        default: words.3 |= bit
        }
    }
}

/// How a call's proxy is chosen by its Call-ID.
enum CallHash {
    /// The sum of the bytes in eight bits, as of old: other servers choose the same one.
    @_noLocks static func sum(_ callID: apus_str) -> UInt32 {
        var sum: UInt8 = 0
        for byte in callID.bytes { sum &+= byte }
        return UInt32(sum)
    }

    /// CRC-32 (ISO 3309), which spreads over more than 256 shares.
    @_noLocks static func crc32(_ callID: apus_str) -> UInt32 {
        var crc: UInt32 = .max
        for byte in callID.bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc >> 1 ^ (crc & 1 == 1 ? 0xedb8_8320 : 0) }
        }
        return ~crc
    }
}
