// Invariants: belongs to one worker's thread, which makes it when it first needs one; freed with the worker.

/// What the kernel said lately about the address that it would send from: asking takes three system calls.
struct SourceCache {
    private struct Entry {
        var remote = SocketAddress()
        var source = SocketAddress()
        /// Milliseconds of the worker's clock.
        var end: UInt64 = 0
    }

    private static let size = 256
    /// Milliseconds after which a changed route is seen.
    private static let lifetime: UInt64 = 10_000
    private let entries: UnsafeMutablePointer<Entry>

    init() {
        entries = .allocate(capacity: SourceCache.size)
        entries.initialize(repeating: Entry(), count: SourceCache.size)
    }

    func free() { entries.deallocate() }

    /// None when there is no way to that address.
    func source(toward remote: SocketAddress, now: UInt64) -> SocketAddress {
        var sum = UInt64(remote.word0) &+ UInt64(remote.word1) &* 3 &+ UInt64(remote.word2) &* 5
        sum = (sum &+ UInt64(remote.word3) &* 7 &+ UInt64(remote.word4) &* 11) &* 0x9e37_79b9_7f4a_7c15
        let entry = entries + Int(truncatingIfNeeded: sum &>> 56)
        if entry.pointee.end > now, entry.pointee.remote.hasSameAddress(as: remote) { return entry.pointee.source }
        entry.pointee.remote = remote
        entry.pointee.source = (try? ListenerSet.source(toward: remote)) ?? SocketAddress()
        entry.pointee.end = now &+ SourceCache.lifetime
        return entry.pointee.source
    }
}
