import PluginKit
import TableKit

// Invariants: built by one thread, never changed afterwards, freed by `end`; copies of it are the same memory. There are at least twice as many slots as
// keys, so that every search comes to a free one.

/// Rows of addresses, found without going through them: a few steps for each length of a mask that there is, however many rows.
package struct AddressIndex {
    /// Which row counts where several networks hold an address.
    package enum Choice: Sendable {
        /// That in front of the others.
        case first
        /// That with the longest mask.
        case longest
    }

    /// What one row says, as workers read it.
    package struct Entry {
        package let group: Int32
        package let port: UInt16
        /// Without text when there is none.
        package let tag: apus_str
        package let pattern: Pattern
    }

    package enum Pattern {
        case network(NetworkAddress, bits: UInt8)
        case name(apus_str)
    }

    private struct Key: Equatable {
        let high: UInt64
        let low: UInt64
        /// Group (0: any), family or name, bits, port.
        private(set) var rest: UInt64

        /// For any port, as the next.
        init(_ group: Int32, _ address: NetworkAddress, bits: UInt8) {
            (high, low) = (address.high, address.low)
            rest = UInt64(UInt32(bitPattern: group)) << 32 | (address.isIPv6 ? 2 : 1) << 24 | UInt64(bits) << 16
        }

        /// - Parameter name: its place among the names.
        init(_ group: Int32, name: Int) {
            (high, low) = (UInt64(name), 0)
            rest = UInt64(UInt32(bitPattern: group)) << 32
        }

        /// Of a key for any port.
        func at(_ port: UInt16) -> Key {
            var key = self
            key.rest |= UInt64(port)
            return key
        }

        /// What can be found is chosen by who writes the table, not by the network.
        var hash: Int {
            var hash = high ^ (low &* 0x9e37_79b9_7f4a_7c15) ^ (rest &* 0xc2b2_ae3d_27d4_eb4f)
            hash = (hash ^ hash >> 33) &* 0xff51_afd7_ed55_8ccd
            hash = (hash ^ hash >> 29) &* 0xc4ce_b9fe_1a85_ec53
            return Int(truncatingIfNeeded: (hash ^ hash >> 32) >> 1)
        }
    }

    private struct Slot {
        let key: Key
        /// The row; -1: the slot is free.
        let row: Int32
    }

    private let slots: UnsafeMutablePointer<Slot>
    private let mask: Int
    private let entries: UnsafeMutablePointer<Entry>
    package let count: Int
    private let names: TextIndex
    private let tags: TextIndex
    /// Lengths of networks' masks, the longest first: those of IPv4, behind them those of IPv6.
    private let lengths: UnsafeMutablePointer<UInt8>
    private let shortCount: Int
    private let longCount: Int
    private let choice: Choice

    package init(_ rows: [AddressRow], choice: Choice = .first) {
        count = rows.count
        self.choice = choice
        names = TextIndex(rows.map { if case .name(let name) = $0.pattern { name } else { "" } })
        tags = TextIndex(rows.map { $0.tag ?? "" })
        let short = AddressIndex.lengths(of: rows, isIPv6: false)
        let long = AddressIndex.lengths(of: rows, isIPv6: true)
        (shortCount, longCount) = (short.count, long.count)
        lengths = .allocate(capacity: max(1, short.count + long.count))
        for (index, length) in (short + long).enumerated() { (lengths + index).initialize(to: length) }
        var size = 4
        while size < rows.count * 4 { size *= 2 }
        mask = size - 1
        slots = .allocate(capacity: size)
        slots.initialize(repeating: Slot(key: Key(0, name: 0), row: -1), count: size)
        entries = .allocate(capacity: max(1, rows.count))
        for (index, row) in rows.enumerated() { enter(row, index) }
    }

    package func end() {
        slots.deallocate()
        entries.deallocate()
        lengths.deallocate()
        names.end()
        tags.end()
    }

    package subscript(_ row: Int) -> Entry { entries[row] }

    // MARK: - Building

    private static func lengths(of rows: [AddressRow], isIPv6: Bool) -> [UInt8] {
        var lengths: Set<UInt8> = []
        for row in rows {
            guard case .network(let address, let bits) = row.pattern, address.isIPv6 == isIPv6 else { continue }
            if bits < address.width { lengths.insert(bits) }
        }
        return lengths.sorted(by: >)
    }

    /// Of several rows for one host or name the last one counts, of several for one network the first.
    private func enter(_ row: AddressRow, _ index: Int) {
        let pattern: Pattern
        switch row.pattern {
        case .network(let address, let bits):
            pattern = .network(address, bits: bits)
            for group in [row.group, 0] {
                put(Key(group, address, bits: bits).at(row.port), index, replacing: bits == address.width)
            }
        case .name:
            let text = names.text(index)
            pattern = .name(text)
            let place = names.find(text) ?? index
            for group in [row.group, 0] { put(Key(group, name: place).at(row.port), index, replacing: true) }
        }
        let tag = row.tag == nil ? apus_str() : tags.text(index)
        (entries + index).initialize(to: Entry(group: row.group, port: row.port, tag: tag, pattern: pattern))
    }

    private func put(_ key: Key, _ row: Int, replacing: Bool) {
        let place = place(of: key)
        if slots[place].row < 0 || replacing { slots[place] = Slot(key: key, row: Int32(row)) }
    }

    private func place(of key: Key) -> Int {
        var place = key.hash & mask
        while slots[place].row >= 0, slots[place].key != key { place = (place &+ 1) & mask }
        return place
    }

    // MARK: - Asking

    /// [any] The row for an address and a port.
    /// - Parameter group: 0: any.
    package func find(_ address: NetworkAddress, port: UInt16, group: Int32 = 0) -> Int? {
        if let host = find(Key(group, address, bits: address.width), port, last: true) { return host }
        var found: Int?
        let first = address.isIPv6 ? shortCount : 0
        for index in first..<first + (address.isIPv6 ? longCount : shortCount) {
            let bits = lengths[index]
            let network = address.prefix(bits)
            guard let row = find(Key(group, network, bits: bits), port, last: false) else { continue }
            if choice == .longest { return row }
            found = min(found ?? row, row)
        }
        return found
    }

    /// [any] The row for a name, in any case, and a port.
    package func find(_ name: apus_str, port: UInt16, group: Int32 = 0) -> Int? {
        guard !name.isEmpty, let place = names.find(name) else { return nil }
        return find(Key(group, name: place), port, last: true)
    }

    /// The row with this port, or with any.
    /// - Parameter last: of both the last one counts, else the first.
    private func find(_ key: Key, _ port: UInt16, last: Bool) -> Int? {
        let any = Int(slots[place(of: key)].row)
        guard port != 0, case let own = Int(slots[place(of: key.at(port))].row), own >= 0 else {
            return any < 0 ? nil : any
        }
        return any < 0 ? own : last ? max(own, any) : min(own, any)
    }
}
