import PluginKit
import Synchronization

// Invariants: the table is made before workers start and never freed; its entries are read and written by all threads, as atomics.

/// Remembers the last nonce counts of the youngest nonces of this process: a ring, in which a new nonce takes the place of the oldest. All
/// workers share it without locks; it never grows.
///
/// An entry holds the low half of the nonce's number above the last count. Numbers of another process, or of one before a restart, have another
/// upper half: nothing is known of them.
public struct NonceTable: @unchecked Sendable {
    private let entries: UnsafeMutablePointer<Atomic<UInt64>>
    private let mask: UInt64
    private let instance: UInt64

    /// Takes memory for good.
    /// - Parameters:
    ///   - order: it has room for 2^order nonces.
    ///   - instance: upper half of this process' numbers.
    public init(order: Int, instance: UInt32) {
        let count = 1 << order
        entries = .allocate(capacity: count)
        for index in 0..<count { (entries + index).initialize(to: Atomic(NonceTable.empty)) }
        mask = UInt64(count - 1)
        self.instance = UInt64(instance)
    }

    /// No nonce that was ever used: its count is the last one.
    private static var empty: UInt64 { .max }

    public enum Use {
        case good
        /// The count is not above the last one.
        case reused
        /// Nothing is known of the nonce: it is too old, or another process has made it.
        case unknown
    }

    /// A nonce of that number goes out.
    public func begin(_ number: UInt64) {
        entries[Int(number & mask)].store(number << 32, ordering: .relaxed)
    }

    /// Uses it with that count, above 0. Of two that try the same one is good.
    public func use(_ number: UInt64, count: UInt32) -> Use {
        guard number >> 32 == instance else { return .unknown }
        let index = Int(number & mask)
        var seen = entries[index].load(ordering: .relaxed)
        while true {
            let use = judge(seen, number, count)
            guard use == .good else { return use }
            let (exchanged, original) = entries[index].compareExchange(
                expected: seen, desired: number << 32 | UInt64(count), ordering: .relaxed)
            if exchanged { return .good }
            seen = original
        }
    }

    /// What `use` would answer.
    public func look(_ number: UInt64, count: UInt32) -> Use {
        guard number >> 32 == instance else { return .unknown }
        return judge(entries[Int(number & mask)].load(ordering: .relaxed), number, count)
    }

    private func judge(_ entry: UInt64, _ number: UInt64, _ count: UInt32) -> Use {
        guard entry != NonceTable.empty, entry >> 32 == number & 0xffff_ffff else { return .unknown }
        return UInt64(count) > entry & 0xffff_ffff ? .good : .reused
    }
}

/// Numbers of nonces: a random upper half for this process, and a counter.
public struct NonceNumbers: @unchecked Sendable {
    public let instance: UInt32
    private let next: UnsafeMutablePointer<Atomic<UInt64>>

    public init(instance: UInt32) {
        self.instance = instance
        next = .allocate(capacity: 1)
        next.initialize(to: Atomic(1))
    }

    public func take() -> UInt64 {
        let count = next.pointee.wrappingAdd(1, ordering: .relaxed).oldValue & 0xffff_ffff
        return UInt64(instance) << 32 | count
    }
}
