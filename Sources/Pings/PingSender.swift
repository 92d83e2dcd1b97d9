import Glibc
import PluginKit
import RoutingKit

// Invariants: a PingSender is its worker's and lies at one address for ever. A LatePing belongs to the sender while it is spare, to the resolver
// from `next_hop` to `done`, which frees it; its texts lie behind it.

/// Sends pings without a transaction: nobody sends them again, and whether an answer comes is seen by the contact's last_keepalive.
public struct PingSender {
    fileprivate let style: UnsafePointer<PingStyle>
    private var random: UInt64
    /// For the next look-up.
    private var spare: UnsafeMutablePointer<LatePing>?

    public init(_ style: UnsafePointer<PingStyle>, random: UInt64) {
        self.style = style
        self.random = random | 1
    }

    fileprivate struct LatePing {
        /// First: `done` is given its address.
        var lookup = apus_lookup()
        var ping: Ping?
        var texts: UnsafeMutableRawPointer?
        let sender: UnsafeMutablePointer<PingSender>
    }

    /// Microseconds of the monotonic clock.
    public static func microseconds() -> UInt64 {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return UInt64(now.tv_sec) &* 1_000_000 &+ UInt64(now.tv_nsec) / 1000
    }

    fileprivate mutating func number() -> UInt64 {
        // xorshift: unlike each other, not secret.
        random ^= random &<< 13
        random ^= random &>> 7
        random ^= random &<< 17
        return random
    }
}

extension UnsafeMutablePointer<PingSender> {
    /// [worker] Sends it, at once or when the address of a name is known. What has no address is not pinged.
    public func send(_ host: Host, _ ping: Ping) {
        let late = pointee.takeSpare(self)
        switch host.pointee.resolver.pointee.next_hop(
            host, ping.hop, pointee.transport, late.pointer(to: \.lookup).unsafelyUnwrapped)
        {
        case CInt(APUS_TRUE):
            if late.pointee.lookup.count > 0 { finish(host, ping, late.pointee.lookup.hops.0) }
            pointee.keep(late)
        case CInt(APUS_SUSPENDED):
            // The texts of `hop` were read; the others are needed later.
            let texts = UnsafeMutableRawPointer.allocate(byteCount: Swift.max(ping.textSize, 1), alignment: 1)
            late.pointee.texts = texts
            late.pointee.ping = ping.copied(to: texts)
        default: pointee.keep(late)
        }
    }

    fileprivate func finish(_ host: Host, _ ping: Ping, _ hop: apus_hop) {
        let style = pointee.style.pointee
        guard style.transport == 0 || hop.transport == style.transport else { return }
        let net = host.pointee.net
        var destination = apus_destination()
        destination.size = UInt32(MemoryLayout<apus_destination>.size)
        destination.transport = hop.transport
        destination.remote = hop.address
        guard net.pointee.choose(host, &destination, ping.listener) > 0, let listener = destination.listener else {
            return
        }
        if net.pointee.is_reliable(hop.transport) > 0 { destination.connection = ping.connection }
        guard ping.kind == .request else {
            var zeros: UInt32 = 0
            _ = withUnsafeBytes(of: &zeros) { bytes in
                let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
                return net.pointee.send(host, &destination, apus_str(start: start, count: 4))
            }
            return host.bump(style.sent)
        }
        guard !ping.hasControls, let info = apus_listener_info.filled({ net.pointee.info(listener, $0) }) else {
            return
        }
        let random = pointee.number()
        let room = style.room(ping) + info.advertised_address.len
        withUnsafeTemporaryAllocation(byteCount: room, alignment: 1) { memory in
            var out = Writer(memory.baseAddress.unsafelyUnwrapped, capacity: room)
            style.write(ping, info, viaTransport(hop.transport), random: random, to: &out)
            guard !out.overflowed else { return }
            _ = net.pointee.send(host, &destination, out.text)
            host.bump(style.sent)
        }
    }
}

extension PingSender {
    fileprivate var transport: UInt32 { style.pointee.transport }

    fileprivate mutating func takeSpare(_ sender: UnsafeMutablePointer<PingSender>) -> UnsafeMutablePointer<LatePing> {
        if let late = spare {
            spare = nil
            return late
        }
        let late = UnsafeMutablePointer<LatePing>.allocate(capacity: 1)
        late.initialize(to: LatePing(sender: sender))
        late.pointee.lookup.size = UInt32(MemoryLayout<apus_lookup>.size)
        late.pointee.lookup.done = { host, lookup, status in
            let late = UnsafeMutableRawPointer(lookup).assumingMemoryBound(to: LatePing.self)
            if status == CInt(APUS_OK), lookup.pointee.count > 0, let ping = late.pointee.ping {
                late.pointee.sender.finish(host, ping, lookup.pointee.hops.0)
            }
            late.pointee.texts?.deallocate()
            late.pointee.texts = nil
            late.pointee.ping = nil
            late.pointee.sender.pointee.keep(late)
        }
        return late
    }

    /// For the next one, or away with it.
    fileprivate mutating func keep(_ late: UnsafeMutablePointer<LatePing>) {
        guard spare == nil else {
            late.deinitialize(count: 1)
            late.deallocate()
            return
        }
        late.pointee.lookup.count = 0
        spare = late
    }
}
