import PluginKit

// Invariants: a snapshot is never changed once workers see it. It holds a use of each of its cells and records. It is one piece of memory for each of its
// arrays, and one for its texts, which all of its apus_strs point into; all end with `free`.

/// One destination in a snapshot.
package struct Destination {
    package var uri = apus_str()
    package var host = apus_str()
    /// As written; empty: none.
    package var attributes = apus_str()
    package var duid = apus_str()
    package var socket = apus_str()
    package var socketName = apus_str()
    package var pingSocket = apus_str()
    package var pingFrom = apus_str()
    package var outboundProxy = apus_str()
    package var address = apus_address()
    package var listener: OpaquePointer?
    package var pingListener: OpaquePointer?
    package let cell: CellRef
    package var port: UInt16 = 0
    package var transport: UInt32 = 0
    /// As the source has it.
    package var flags: Condition = []
    package var priority: Int32 = 0
    package var weight: UInt32 = 0
    package var relativeWeight: UInt32 = 0
    package var maxLoad = 0
    package var congestionControl = false
    package var overloadMinimum: UInt32 = 0
    package var overloadMaximum: UInt32 = 0
    /// It has a duid, the first one of its set: calls are counted on it.
    package var isCounted = false
    /// For consistent hashing: the same for the same URI.
    package var identity: UInt64 = 0
}

/// One set in a snapshot: its destinations in their order.
package struct DestinationSet {
    package let id: Int32
    package let destinations: UnsafeMutablePointer<Destination>
    package let count: Int
    /// Of those, the ones that algorithms choose from; the last one is the last resort when there are fewer than `count`.
    package let choices: Int
    package let record: RecordRef
    package let version: UInt64
    /// A hundred places for algorithm 9; nil: the first destination gets all.
    package var weights: UnsafeMutablePointer<UInt32>?
    /// All priorities are the same, and above 0.
    package var isEven = false
}

package typealias SetRef = UnsafeMutablePointer<DestinationSet>

/// All sets, as a source had them at one time.
package struct Snapshot {
    package let version: UInt64
    /// In the order of their numbers.
    package let sets: UnsafeMutablePointer<DestinationSet>
    package let setCount: Int
    package let destinations: UnsafeMutablePointer<Destination>
    package let count: Int
    let texts: UnsafeMutablePointer<UInt8>
    let weights: UnsafeMutablePointer<UInt32>
}

package typealias SnapshotRef = UnsafeMutablePointer<Snapshot>

extension UnsafeMutablePointer<Snapshot> {
    /// The set of that number; nil when there is none.
    package func find(_ id: Int64) -> SetRef? {
        var (low, high) = (0, pointee.setCount)
        while low < high {
            let middle = (low &+ high) / 2
            let found = Int64(pointee.sets[middle].id)
            if found == id { return pointee.sets + middle }
            if found < id { low = middle &+ 1 } else { high = middle }
        }
        return nil
    }

    /// Nobody sees it any more.
    package func free() {
        for index in 0..<pointee.setCount { pointee.sets[index].record.vacate(pointee.sets + index) }
        for index in 0..<pointee.count { pointee.destinations[index].cell.release() }
        for index in 0..<pointee.setCount { pointee.sets[index].record.release() }
        pointee.destinations.deallocate()
        pointee.sets.deallocate()
        pointee.texts.deallocate()
        pointee.weights.deallocate()
        deallocate()
    }
}

extension UnsafeMutablePointer<DestinationSet> {
    package subscript(_ index: Int) -> UnsafeMutablePointer<Destination> { pointee.destinations + index }

    @inline(__always)
    package func isUsable(_ index: Int) -> Bool { pointee.destinations[index].cell.isUsable }

    /// The place of the first destination of that URI behind `from`; nil when there is none.
    package func index(of uri: apus_str, from: Int = 0) -> Int? {
        var index = from
        while index < pointee.count {
            if pointee.destinations[index].uri.equals(uri) { return index }
            index &+= 1
        }
        return nil
    }
}
