import Glibc

// Invariants: one a worker, touched by its thread only; its memory is the worker's for ever and never grows. An entry is used when its counts are not
// both 0; `texts` has `longest` bytes for each entry, of which `count` hold its name.

/// Which programs have sent how many messages, by User-Agent or Server (RFC 3261 sections 20.41, 20.35). Those that send most are known; a name
/// that finds no room takes that of the rarest one near it, whose counts go to the others.
struct UserAgents {
    struct Counts {
        var requests: UInt64 = 0
        var replies: UInt64 = 0
        var sum: UInt64 { requests &+ replies }

        static func += (a: inout Counts, b: Counts) {
            a.requests &+= b.requests
            a.replies &+= b.replies
        }
    }

    private struct Entry {
        var hash: UInt64 = 0
        var counts = Counts()
        var count = 0
    }

    private static let buckets = 64
    /// Entries of a bucket.
    private static let ways = 4
    /// Bytes of a name that count: those that differ behind them are one.
    static let longest = 64

    private let entries: UnsafeMutablePointer<Entry>
    private let texts: UnsafeMutablePointer<UInt8>
    private let key = SipKey.random()
    /// Messages of programs that have no entry any more.
    private(set) var others = Counts()
    /// Messages that say nothing of their program.
    var unnamed = Counts()

    init() {
        let count = UserAgents.buckets * UserAgents.ways
        entries = .allocate(capacity: count)
        entries.initialize(repeating: Entry(), count: count)
        texts = .allocate(capacity: count * UserAgents.longest)
        texts.initialize(repeating: 0, count: count * UserAgents.longest)
    }

    /// - Parameter name: not empty.
    mutating func add(_ name: Bytes, _ counts: Counts) {
        let name = Bytes(name.start, min(name.count, UserAgents.longest))
        let hash = key.hash(name)
        let first = Int(hash % UInt64(UserAgents.buckets)) &* UserAgents.ways
        var place = first
        var way = first
        while way < first &+ UserAgents.ways {
            if entries[way].hash == hash, entries[way].counts.sum > 0, text(way) == name {
                entries[way].counts += counts
                return
            }
            if entries[way].counts.sum < entries[place].counts.sum { place = way }
            way &+= 1
        }
        others += entries[place].counts
        entries[place] = Entry(hash: hash, counts: counts, count: name.count)
        UnsafeMutableRawPointer(texts + place &* UserAgents.longest).copyMemory(
            from: name.start, byteCount: name.count)
    }

    private func text(_ place: Int) -> Bytes {
        Bytes(texts + place &* UserAgents.longest, entries[place].count)
    }

    /// Shows all that have an entry.
    func visit(_ body: (Bytes, Counts) -> Void) {
        for place in 0..<UserAgents.buckets * UserAgents.ways where entries[place].counts.sum > 0 {
            body(text(place), entries[place].counts)
        }
    }
}

extension UnsafeMutablePointer<ServerWorker> {
    /// A message was accepted: its program has sent one more.
    @inline(__always)
    func countUserAgent(of message: Message) {
        guard pointee.settings.countsUserAgents else { return }
        let isRequest = message.isRequest
        let counts = UserAgents.Counts(requests: isRequest ? 1 : 0, replies: isRequest ? 0 : 1)
        guard let header = message.first(.userAgent) ?? message.first(.server) else {
            pointee.userAgents.unnamed += counts
            return
        }
        let name = message.bytes(header.value)
        if name.isEmpty { pointee.userAgents.unnamed += counts } else { pointee.userAgents.add(name, counts) }
    }

    /// A request leaves: once for its first P-hint, the label that scripts give what they have done with it.
    func countHint(in bytes: Bytes) {
        var line = 0
        while let end = bytes.firstIndex(of: UInt8(ascii: "\n"), from: line), end > line &+ 1 {
            let header = Bytes(bytes.start + line, end &- line)
            line = end &+ 1
            guard header.hasPrefixIgnoringCase("P-hint") else { continue }
            var rest = header.dropFirst(6).trimmed
            guard rest.count > 1, rest[0] == UInt8(ascii: ":") else { continue }
            rest = rest.dropFirst(1).trimmed
            if !rest.isEmpty { pointee.hints.add(rest, UserAgents.Counts(requests: 1)) }
            return
        }
    }
}
