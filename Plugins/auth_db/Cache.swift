import PluginKit
import Synchronization

// Invariants: a Cache belongs to one worker; it is made before the worker takes traffic, and never freed. Texts lie in the entries themselves.

/// How often caches were emptied: entries of an earlier turn count for nothing.
let cacheTurn = Atomic<UInt64>(0)

/// What the database has said of users' passwords, for a while. Users that share a place push each other out. Who does not exist is not kept: an
/// answer without the database would tell.
struct Cache {
    /// Bytes of the longest key and of the longest secret that are kept.
    private static let longestKey = 200
    private static let longestSecret = 128
    /// How many entries there are.
    private static let size = 4096

    private struct Entry {
        var expires: UInt64 = 0
        var turn: UInt64 = 0
        var keyLength = 0
        var secretLength = 0
    }

    private let memory: UnsafeMutableRawPointer

    private static var stride: Int { MemoryLayout<Entry>.stride + longestKey + longestSecret }

    init() {
        memory = .allocate(byteCount: Cache.size * Cache.stride, alignment: 16)
        for index in 0..<Cache.size {
            (memory + index * Cache.stride).initializeMemory(as: Entry.self, to: Entry())
        }
    }

    /// What is known of a key now, in monotonic milliseconds; it lives until something is noted.
    func find(_ key: apus_str, hash: UInt32, now: UInt64) -> apus_str? {
        let (entry, texts) = place(hash)
        guard entry.pointee.expires > now, entry.pointee.turn == cacheTurn.load(ordering: .acquiring),
            apus_str(start: texts, count: entry.pointee.keyLength).equals(key)
        else { return nil }
        return apus_str(start: texts + Cache.longestKey, count: entry.pointee.secretLength)
    }

    /// - Parameter turn: when the database was asked: what was changed meanwhile is not covered up.
    func note(_ key: apus_str, hash: UInt32, _ secret: apus_str, seconds: Int64, turn: UInt64, now: UInt64) {
        guard key.len <= Cache.longestKey, secret.len <= Cache.longestSecret else { return }
        let (entry, texts) = place(hash)
        entry.pointee = Entry(
            expires: now + UInt64(seconds) * 1000, turn: turn, keyLength: key.len, secretLength: secret.len)
        var keyText = Writer(texts, capacity: Cache.longestKey)
        keyText.add(key)
        var secretText = Writer(texts + Cache.longestKey, capacity: Cache.longestSecret)
        secretText.add(secret)
    }

    private func place(_ hash: UInt32) -> (UnsafeMutablePointer<Entry>, UnsafeMutablePointer<UInt8>) {
        let start = memory + Int(hash) % Cache.size * Cache.stride
        return (
            start.assumingMemoryBound(to: Entry.self),
            (start + MemoryLayout<Entry>.stride).assumingMemoryBound(to: UInt8.self)
        )
    }
}

/// A question to the cache, and where it is noted.
struct CacheKey {
    let cache: Cache
    let text: apus_str
    let hash: UInt32
    let turn: UInt64

    /// Nil without cache_time.
    init?(_ call: Call, table: apus_str, user: apus_str, domain: apus_str?, column: apus_str) {
        guard call.state.pointee.settings.cacheTime > 0,
            let cache = call.host.pointee.slots.pointee.worker(call.host, call.state.pointee.cache)?
                .assumingMemoryBound(to: Cache.self).pointee,
            var text = call.writer(table.len + user.len + (domain?.len ?? 0) + column.len + 3)
        else { return nil }
        text.add(table)
        text.add(byte: 0)
        text.add(user)
        text.add(byte: 0)
        text.add(domain ?? "")
        text.add(byte: 0)
        text.add(column)
        self.cache = cache
        self.text = text.text
        hash = call.message.api.pointee.hash(user, domain ?? "")
        turn = cacheTurn.load(ordering: .acquiring)
    }

    func find(_ call: Call) -> apus_str? {
        cache.find(text, hash: hash, now: call.host.pointee.timer.pointee.now(call.host))
    }

    func note(_ secret: apus_str, _ call: Call) {
        cache.note(
            text, hash: hash, secret, seconds: call.state.pointee.settings.cacheTime, turn: turn,
            now: call.host.pointee.timer.pointee.now(call.host))
    }
}
