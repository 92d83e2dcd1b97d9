import Glibc
import PluginKit
import Synchronization

// Invariants: a peer is made on the main thread, or on an offload thread while sets are read again, and lives for ever; its address is written by
// whoever makes it before anybody sees it, or on worker 0 before `isResolved` says that it is there. Everything else is constant or atomic.

/// A media proxy, as all sets and workers see it.
struct Peer: ~Copyable {
    /// Its place in the list of all.
    let number: Int
    /// As the config has it. For ever.
    let url: apus_str
    let address: ControlAddress
    /// Of a stream, to be connected to for each command.
    let isStream: Bool
    /// What to connect to.
    var socketAddress = sockaddr_storage()
    var socketAddressLength: socklen_t = 0
    let isResolved = Atomic<Bool>(false)
    let condition = Atomic<UInt8>(Condition.fresh)
    /// Monotonic milliseconds from which on a ping may find out whether it is back.
    let recheckAt = Atomic<UInt64>(0)
    /// One is under way, from worker 0.
    let isPinged = Atomic<Bool>(false)

    init(number: Int, url: apus_str, address: ControlAddress) {
        self.number = number
        self.url = url
        self.address = address
        if case .unix = address { isStream = true } else { isStream = false }
    }

    enum Condition {
        /// Nobody has spoken to it; it counts as enabled.
        static let fresh: UInt8 = 0
        static let enabled: UInt8 = 1
        /// It did not answer.
        static let dead: UInt8 = 2
        /// An operator wants it so.
        static let disabled: UInt8 = 3
    }
}

typealias PeerRef = UnsafeMutablePointer<Peer>

extension UnsafeMutablePointer<Peer> {
    var isEnabled: Bool { pointee.condition.load(ordering: .acquiring) <= Peer.Condition.enabled }
    var isDisabledByHand: Bool { pointee.condition.load(ordering: .acquiring) == Peer.Condition.disabled }

    /// It did not answer: nobody is to wait for it any more. True for whoever has found that out first.
    func turnDead(now: UInt64, pause: UInt64) -> Bool {
        var seen = pointee.condition.load(ordering: .acquiring)
        while seen <= Peer.Condition.enabled {
            pointee.recheckAt.store(now + pause, ordering: .relaxed)
            let (isDone, original) = pointee.condition.compareExchange(
                expected: seen, desired: Peer.Condition.dead, ordering: .acquiringAndReleasing)
            if isDone { return true }
            seen = original
        }
        return false
    }

    /// It has answered. True for whoever brings it back, or hears of it for the first time.
    func turnAlive() -> Bool {
        var seen = pointee.condition.load(ordering: .acquiring)
        while seen == Peer.Condition.dead || seen == Peer.Condition.fresh {
            let (isDone, original) = pointee.condition.compareExchange(
                expected: seen, desired: Peer.Condition.enabled, ordering: .acquiringAndReleasing)
            if isDone { return seen == Peer.Condition.dead }
            seen = original
        }
        return false
    }

    /// The address is there: an IP address, or what a name was found to be.
    func put(_ address: apus_address, port: UInt16) {
        if address.family == 6 {
            var place = sockaddr_in6()
            place.sin6_family = sa_family_t(AF_INET6)
            place.sin6_port = port.bigEndian
            place.sin6_scope_id = address.scope
            withUnsafeMutableBytes(of: &place.sin6_addr) { to in
                withUnsafeBytes(of: address.ip) { to.copyMemory(from: $0) }
            }
            put(place)
        } else {
            var place = sockaddr_in()
            place.sin_family = sa_family_t(AF_INET)
            place.sin_port = port.bigEndian
            withUnsafeMutableBytes(of: &place.sin_addr) { to in
                withUnsafeBytes(of: address.ip) { to.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<4])) }
            }
            put(place)
        }
    }

    /// The socket of a stream.
    func put(path: String) {
        var place = sockaddr_un()
        place.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &place.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
        put(place)
    }

    private func put<SocketAddress>(_ place: SocketAddress) {
        withUnsafeMutableBytes(of: &pointee.socketAddress) { to in
            withUnsafeBytes(of: place) { to.copyMemory(from: $0) }
        }
        pointee.socketAddressLength = socklen_t(MemoryLayout<SocketAddress>.size)
        pointee.isResolved.store(true, ordering: .releasing)
    }
}
