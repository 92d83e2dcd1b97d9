import Synchronization

// Invariants: the arrays have their size from the start. One thread at a time adds; anybody reads meanwhile: what a slot leads to is complete
// before the slot is stored, and neither changes any more. No more is added than `capacity`, so that slots stay free and each search ends.

/// Finds statistics by what scripts and operators call them, without a lock.
struct StatisticNames: @unchecked Sendable {
    private struct Spelling {
        let group: Bytes
        let name: Bytes
    }

    private let spellings: UnsafeMutablePointer<Spelling>
    /// 0: free; else twice the index, plus 1 for the name alone or 2 for group and name. Open addressing.
    private let slots: UnsafeMutablePointer<Atomic<UInt32>>
    private let mask: Int

    init(capacity: Int) {
        spellings = .allocate(capacity: capacity)
        // Two of four are used at most.
        var count = 1
        while count < capacity * 4 { count *= 2 }
        mask = count - 1
        slots = .allocate(capacity: count)
        for index in 0..<count { (slots + index).initialize(to: Atomic(0)) }
    }

    /// Notes the statistic of that index; texts live for ever. The first of a spelling keeps it.
    func add(_ group: Bytes, _ name: Bytes, _ index: Int) {
        (spellings + index).initialize(to: Spelling(group: group, name: name))
        var hash = Hash()
        hash.add(name)
        store(UInt32(index * 2 + 1), hash)
        hash = Hash()
        hash.add(group)
        hash.add(UInt8(ascii: ":"))
        hash.add(name)
        store(UInt32(index * 2 + 2), hash)
    }

    private func store(_ value: UInt32, _ hash: Hash) {
        var slot = hash.slot(mask)
        while slots[slot].load(ordering: .relaxed) != 0 { slot = (slot &+ 1) & mask }
        slots[slot].store(value, ordering: .releasing)
    }

    /// The index of the statistic of that `name`, `group:name` or `group.name`, `-` and `_` being the same.
    @_noLocks
    func find(_ text: Bytes) -> UInt32? {
        var hash = Hash()
        hash.add(text)
        var slot = hash.slot(mask)
        while true {
            let value = slots[slot].load(ordering: .acquiring)
            if value == 0 { return nil }
            let index = (value &- 1) / 2
            if isSpelled(text, spellings[Int(index)], isWhole: value & 1 == 0) { return index }
            slot = (slot &+ 1) & mask
        }
    }

    @_noLocks
    private func isSpelled(_ text: Bytes, _ one: Spelling, isWhole: Bool) -> Bool {
        guard isWhole else { return StatisticNames.isSame(text, one.name) }
        let mark = one.group.count
        guard text.count == mark &+ 1 &+ one.name.count,
            text[mark] == UInt8(ascii: ":") || text[mark] == UInt8(ascii: ".")
        else { return false }
        return StatisticNames.isSame(text[0..<mark], one.group)
            && StatisticNames.isSame(text[mark &+ 1..<text.count], one.name)
    }

    @_noLocks
    private static func isSame(_ a: Bytes, _ b: Bytes) -> Bool {
        guard a.count == b.count else { return false }
        for index in 0..<a.count where a[index] != b[index] {
            guard isDash(a[index]), isDash(b[index]) else { return false }
        }
        return true
    }

    @inline(__always)
    private static func isDash(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") }

    /// FNV-1a; all ways to write a name have one.
    private struct Hash {
        private var value: UInt64 = 0xcbf2_9ce4_8422_2325

        @inline(__always)
        mutating func add(_ byte: UInt8) {
            let same =
                switch byte {
                case UInt8(ascii: "-"): UInt8(ascii: "_")
                case UInt8(ascii: "."): UInt8(ascii: ":")
                default: byte
                }
            value = (value ^ UInt64(same)) &* 0x100_0000_01b3
        }

        @_noLocks
        mutating func add(_ text: Bytes) { for index in 0..<text.count { add(text[index]) } }

        @inline(__always)
        func slot(_ mask: Int) -> Int { Int(truncatingIfNeeded: value ^ value >> 32) & mask }
    }
}
