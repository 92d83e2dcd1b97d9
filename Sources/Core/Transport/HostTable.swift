import Glibc

// Invariants: filled by `init`, then only read; names in it are lower case and live as long as the table, which is for ever.
// There are more slots than entries, so that every probe ends.

/// A set of hosts with ports. IP literals are compared as addresses, names without regard to case. Hashed under a key of its
/// own, since the questions come from the network.
struct HostTable {
    private struct Entry {
        var hash: UInt64
        /// none for names.
        var address: SocketAddress
        var name: Bytes
        /// 0: any.
        var port: UInt16
        var isUsed: Bool
    }

    /// RFC 1035 section 2.3.4: longer names do not exist.
    private static let longestName = 255

    private let entries: UnsafeMutablePointer<Entry>
    private let mask: Int
    private let key = SipKey.random()

    /// Port 0 stands for any.
    init(_ hosts: [(host: String, port: UInt16)]) {
        var size = 16
        while size < hosts.count * 2 { size *= 2 }
        mask = size - 1
        entries = .allocate(capacity: size)
        entries.initialize(
            repeating: Entry(hash: 0, address: SocketAddress(), name: .empty, port: 0, isUsed: false), count: size)
        for (host, port) in hosts {
            let text = Bytes(permanent: host.lowercased())
            let address = SocketAddress(parsing: text) ?? SocketAddress()
            let hash = address.isNone ? key.hash(text) : address.hash(key: key.k0)
            var at = Int(truncatingIfNeeded: hash) & mask
            while entries[at].isUsed { at = (at + 1) & mask }
            entries[at] = Entry(hash: hash, address: address, name: text, port: port, isUsed: true)
        }
    }

    /// Is this host with this port there? Port 0 asks for the host alone.
    @_noLocks
    func contains(_ host: Bytes, port: UInt16) -> Bool {
        if let address = SocketAddress(parsing: host) { return contains(address, port: port) }
        var name = host
        // A name may be written with the root's dot.
        if name.count > 1, name[name.count - 1] == UInt8(ascii: ".") { name = name[0..<name.count - 1] }
        guard name.count > 0, name.count <= HostTable.longestName else { return false }
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 256) { buffer in
            let lower = buffer.baseAddress!
            var i = 0
            while i < name.count {
                let c = name[i]
                lower[i] = c &- 0x41 < 26 ? c | 0x20 : c
                i &+= 1
            }
            let text = Bytes(UnsafePointer(lower), name.count)
            let hash = key.hash(text)
            var at = Int(truncatingIfNeeded: hash) & mask
            while entries[at].isUsed {
                let entry = entries + at
                if entry.pointee.hash == hash, entry.pointee.address.isNone, entry.pointee.name.count == text.count,
                    unchecked({ memcmp(entry.pointee.name.start, text.start, text.count) }) == 0,
                    port == 0 || entry.pointee.port == 0 || entry.pointee.port == port
                {
                    return true
                }
                at = (at &+ 1) & mask
            }
            return false
        }
    }

    /// The same for an address, whatever port it carries.
    @_noLocks
    func contains(_ address: SocketAddress, port: UInt16) -> Bool {
        var plain = address
        plain.port = 0
        let hash = plain.hash(key: key.k0)
        var at = Int(truncatingIfNeeded: hash) & mask
        while entries[at].isUsed {
            let entry = entries + at
            if entry.pointee.hash == hash, entry.pointee.address.hasSameAddress(as: plain),
                port == 0 || entry.pointee.port == 0 || entry.pointee.port == port
            {
                return true
            }
            at = (at &+ 1) & mask
        }
        return false
    }
}
