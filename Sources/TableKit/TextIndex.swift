import PluginKit

// Invariants: built by one thread, never changed afterwards, freed by `end`; copies of it are the same memory.

/// Texts and their places, found whatever their case is, without taking memory.
public struct TextIndex {
    private let slots: UnsafeMutablePointer<Int32>
    private let mask: Int
    private let texts: UnsafeMutablePointer<apus_str>
    private let bytes: UnsafeMutablePointer<UInt8>
    public let count: Int

    /// - Parameter keys: of equal ones the first counts.
    public init(_ keys: [String]) {
        var size = 4
        while size < keys.count * 2 { size *= 2 }
        mask = size - 1
        count = keys.count
        slots = .allocate(capacity: size)
        slots.initialize(repeating: -1, count: size)
        texts = .allocate(capacity: max(1, keys.count))
        bytes = .allocate(capacity: max(1, keys.reduce(0) { $0 + $1.utf8.count }))
        var used = 0
        for (index, key) in keys.enumerated() {
            let start = bytes + used
            var length = 0
            for byte in key.utf8 {
                (start + length).initialize(to: byte)
                length += 1
            }
            used += length
            (texts + index).initialize(to: apus_str(start: start, count: length))
            if find(texts[index]) == nil { slots[place(of: texts[index])] = Int32(index) }
        }
    }

    public func end() {
        slots.deallocate()
        texts.deallocate()
        bytes.deallocate()
    }

    /// As it was given.
    public func text(_ index: Int) -> apus_str { texts[index] }

    /// [any] The place of that text.
    public func find(_ key: apus_str) -> Int? {
        let found = slots[place(of: key)]
        return found < 0 ? nil : Int(found)
    }

    /// The slot that has it, or the free one where it would be. There are twice as many slots as texts.
    private func place(of key: apus_str) -> Int {
        var slot = TextIndex.hash(key) & mask
        while slots[slot] >= 0, !texts[Int(slots[slot])].equalsIgnoringCase(key) { slot = (slot &+ 1) & mask }
        return slot
    }

    /// FNV-1a of the folded bytes: the texts come from a table, not from the network.
    private static func hash(_ key: apus_str) -> Int {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in key.bytes { hash = (hash ^ UInt64(apus_str.lower(byte))) &* 0x100_0000_01b3 }
        return Int(truncatingIfNeeded: hash >> 1 ^ hash >> 33)
    }
}
