import PluginKit

// Invariants: a list is never changed once a cell leads to it; who replaces it retires the old one (apus/shared.h). The last one goes with its cell.

/// The addresses that a destination's name was found to have.
package struct AddressList {
    package static let capacity = 32

    package let count: Int
    /// Seconds since 1970, and microseconds.
    package let seconds: Int64
    package let microseconds: Int64

    /// A copy of these, best first.
    package static func make(
        _ addresses: UnsafeBufferPointer<apus_address>, seconds: Int64, microseconds: Int64
    ) -> UnsafeMutablePointer<AddressList> {
        let count = min(addresses.count, capacity)
        let raw = UnsafeMutableRawPointer.allocate(
            byteCount: MemoryLayout<AddressList>.stride + count * MemoryLayout<apus_address>.stride, alignment: 16)
        let list = raw.bindMemory(to: AddressList.self, capacity: 1)
        list.initialize(to: AddressList(count: count, seconds: seconds, microseconds: microseconds))
        let places = (raw + MemoryLayout<AddressList>.stride).bindMemory(to: apus_address.self, capacity: count)
        for index in 0..<count { (places + index).initialize(to: addresses[index]) }
        return list
    }

    package static func of(_ cell: CellRef) -> UnsafeMutablePointer<AddressList>? {
        UnsafeMutablePointer(bitPattern: cell.pointee.addresses.load(ordering: .acquiring))
    }
}

/// What a look-up has come to.
package struct FoundName: Sendable {
    /// Best first; empty: there is none, or it is not known.
    package var addresses: [apus_address]
    /// Seconds since 1970, and microseconds, of the answer.
    package var seconds: Int64
    package var microseconds: Int64
    /// Monotonic milliseconds from which on it is to be asked again.
    package var due: UInt64

    package init(_ addresses: [apus_address], seconds: Int64, microseconds: Int64, due: UInt64) {
        (self.addresses, self.seconds, self.microseconds, self.due) = (addresses, seconds, microseconds, due)
    }
}

extension UnsafeMutablePointer where Pointee == Cell {
    /// Takes over what was found. What was known before stays when there is nothing.
    /// - Returns: the list that was in force: to be freed when nobody sees it any more.
    package func take(_ name: FoundName) -> UnsafeMutableRawPointer? {
        pointee.namesDue.store(name.due, ordering: .relaxed)
        guard !name.addresses.isEmpty else { return nil }
        let made = name.addresses.withUnsafeBufferPointer {
            AddressList.make($0, seconds: name.seconds, microseconds: name.microseconds)
        }
        let old = pointee.addresses.exchange(UInt(bitPattern: made), ordering: .acquiringAndReleasing)
        return UnsafeMutableRawPointer(bitPattern: old)
    }
}

extension UnsafeMutablePointer<AddressList> {
    package subscript(address index: Int) -> apus_address {
        (UnsafeRawPointer(self) + MemoryLayout<AddressList>.stride)
            .load(fromByteOffset: index * MemoryLayout<apus_address>.stride, as: apus_address.self)
    }
}
