import Synchronization

// Invariants: the table is allocated once and lives as long as the program (or the test); its entries are atomics only, so
// any thread may use any entry. Two messages that meet in one entry at once may lose a count, never more.

/// Tells which repetitions of a message are printed: a number per second for each text and source, and a larger one for each
/// text whoever causes it, so that a flood from many addresses does not fill a disk either.
struct LogLimiter {
    /// Per text and source, and second.
    static let perSource: UInt64 = 10
    /// Per text, and second.
    static let perText: UInt64 = 100

    enum Verdict: Equatable {
        /// Print it. So many were held back in an earlier second and have not been told yet.
        case print(heldBack: UInt64)
        case holdBack
    }

    private struct Entry: ~Copyable {
        let key = Atomic<UInt64>(0)
        /// Second in the upper half, number of messages in the lower.
        let state = Atomic<UInt64>(0)
        /// The text, NUL-terminated for ever.
        let text = Atomic<UInt>(0)
    }

    /// Entries for a text and a source; behind them those for a text alone, which no crowd of sources can push out.
    private static let sources = 1024
    private static let texts = 256
    private let entries: UnsafeMutablePointer<Entry>

    init() {
        entries = .allocate(capacity: LogLimiter.sources + LogLimiter.texts)
        for i in 0..<LogLimiter.sources + LogLimiter.texts { (entries + i).initialize(to: Entry()) }
    }

    /// - Parameters:
    ///   - source: a hash of the address that caused it; 0 for none.
    ///   - second: any clock's seconds.
    func judge(_ text: StaticString, source: UInt64, second: UInt64) -> Verdict {
        let textKey = LogLimiter.mix(UInt64(UInt(bitPattern: text.utf8Start)))
        let key = LogLimiter.mix(textKey ^ source)
        let sourceEntry = entries + Int(key % UInt64(LogLimiter.sources))
        let one = count(sourceEntry, key, text, second, limit: LogLimiter.perSource)
        guard case .print(let heldBack) = one else { return .holdBack }
        let textEntry = entries + LogLimiter.sources + Int(textKey % UInt64(LogLimiter.texts))
        let all = count(textEntry, textKey, text, second, limit: LogLimiter.perText)
        guard case .print(let more) = all else { return .holdBack }
        return .print(heldBack: heldBack &+ more)
    }

    private func count(
        _ entry: UnsafeMutablePointer<Entry>, _ key: UInt64, _ text: StaticString, _ second: UInt64, limit: UInt64
    ) -> Verdict {
        let fresh = (second & 0xFFFF_FFFF) << 32 | 1
        if entry.pointee.key.load(ordering: .relaxed) != key {
            entry.pointee.key.store(key, ordering: .relaxed)
            entry.pointee.text.store(UInt(bitPattern: text.utf8Start), ordering: .relaxed)
            entry.pointee.state.store(fresh, ordering: .relaxed)
            return .print(heldBack: 0)
        }
        if entry.pointee.state.load(ordering: .relaxed) >> 32 != second & 0xFFFF_FFFF {
            let old = entry.pointee.state.exchange(fresh, ordering: .relaxed) & 0xFFFF_FFFF
            return .print(heldBack: old > limit ? old - limit : 0)
        }
        let number = entry.pointee.state.add(1, ordering: .relaxed).newValue & 0xFFFF_FFFF
        return number <= limit ? .print(heldBack: 0) : .holdBack
    }

    /// Reports and forgets what was held back in seconds that have passed. For a slow periodic timer of one thread.
    func flush(second: UInt64, _ report: (UnsafePointer<UInt8>, UInt64) -> Void) {
        for i in 0..<LogLimiter.sources + LogLimiter.texts {
            let state = entries[i].state.load(ordering: .relaxed)
            if state == 0 || state >> 32 == second & 0xFFFF_FFFF { continue }
            let old = entries[i].state.exchange(0, ordering: .relaxed) & 0xFFFF_FFFF
            let limit = i < LogLimiter.sources ? LogLimiter.perSource : LogLimiter.perText
            let text = UnsafePointer<UInt8>(bitPattern: entries[i].text.load(ordering: .relaxed))
            if old > limit, let text { report(text, old - limit) }
        }
    }

    func free() { entries.deallocate() }

    @inline(__always)
    private static func mix(_ value: UInt64) -> UInt64 {
        let x = (value ^ (value >> 32)) &* 0x9E37_79B9_7F4A_7C15
        return x ^ (x >> 29)
    }
}
