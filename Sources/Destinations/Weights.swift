/// Shares of calls as a hundred slots: whoever goes through them gives each destination exactly its share of each hundred calls.
package enum Weights {
    package static let slots = 100

    /// Fills the slots with places by percentages. What would go beyond a hundred is left out, what is missing goes to the last place.
    /// - Returns: false when the first place has none: then all goes to that one.
    static func fill(_ table: UnsafeMutablePointer<UInt32>, absolute weights: [UInt32], seed: UInt64) -> Bool {
        guard let first = weights.first, first > 0 else { return false }
        var used = 0
        for (place, weight) in weights.enumerated() where weight > 0 && used + Int(weight) <= slots {
            for slot in used..<used + Int(weight) { table[slot] = UInt32(place) }
            used += Int(weight)
        }
        for slot in used..<slots { table[slot] = UInt32(weights.count - 1) }
        shuffle(table, seed: seed)
        return true
    }

    /// The same for one place after the other, by their part of a sum. Precondition: the sum is that of all weights, and above 0.
    struct Relative {
        let table: UnsafeMutablePointer<UInt32>
        let sum: UInt64
        private var used = 0
        private var last: UInt32 = 0

        init(_ table: UnsafeMutablePointer<UInt32>, sum: UInt64) {
            self.table = table
            self.sum = sum
        }

        mutating func add(_ place: UInt32, weight: UInt64) {
            guard weight > 0 else { return }
            let count = Int(weight &* UInt64(Weights.slots) / sum)
            for slot in used..<used + count { table[slot] = place }
            used += count
            last = place
        }

        /// What truncation has left goes to the last one.
        mutating func finish(seed: UInt64) {
            for slot in used..<Weights.slots { table[slot] = last }
            Weights.shuffle(table, seed: seed)
        }
    }

    /// The same order for the same seed.
    static func shuffle(_ table: UnsafeMutablePointer<UInt32>, seed: UInt64) {
        var state = seed
        for slot in stride(from: slots - 1, to: 0, by: -1) {
            state &+= 0x9e37_79b9_7f4a_7c15
            let other = Int(mix(state) % UInt64(slot + 1))
            (table[slot], table[other]) = (table[other], table[slot])
        }
    }

    /// Every bit of the result depends on every bit of the number.
    @inline(__always)
    package static func mix(_ number: UInt64) -> UInt64 {
        var mixed = number
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }

    /// Of a text, the same for ever: FNV-1a.
    @inline(__always)
    static func identity(_ text: some Sequence<UInt8>) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in text { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        return mix(hash)
    }
}
