import Glibc
import Synchronization

// Invariants: a table that workers see is never changed: another one takes its place, and it is freed when every worker has passed its loop since, or with
// the script. An entry lives as long as the object, which the script keeps.

/// Host names in conditions (`src_ip == backup.example.com`) with the addresses that they have now.
final class HostNames: @unchecked Sendable {
    /// What a condition looks at.
    struct Entry: ~Copyable {
        /// `Conditions.Nets`; UInt of its address.
        fileprivate let nets: Atomic<UInt>

        @inline(__always)
        var current: UnsafePointer<Conditions.Nets> {
            UnsafePointer(bitPattern: nets.load(ordering: .acquiring)).unsafelyUnwrapped
        }
    }

    /// The addresses of a name, and seconds for which they hold.
    typealias Resolve = (String) -> (addresses: [SocketAddress], seconds: UInt32)
    /// Gets a table that workers may still see; `free` it when they cannot.
    typealias Retire = (UnsafeMutableRawPointer) -> Void

    private struct Name {
        let name: String
        let place: UnsafeMutablePointer<Entry>
        /// When it is to be looked up again, in seconds of the monotonic clock. Of whoever looks, one thread at a time.
        var due: UInt64 = 0
    }

    private var entries: [Name] = []

    deinit {
        for entry in entries {
            HostNames.free(UnsafeMutableRawPointer(mutating: entry.place.pointee.current))
            entry.place.deinitialize(count: 1)
            entry.place.deallocate()
        }
    }

    /// While the script is compiled.
    func add(_ name: String, _ addresses: [SocketAddress]) -> UnsafeMutablePointer<Entry> {
        let place = UnsafeMutablePointer<Entry>.allocate(capacity: 1)
        place.initialize(to: Entry(nets: Atomic(UInt(bitPattern: HostNames.table(addresses)))))
        entries.append(Name(name: name, place: place))
        return place
    }

    var isEmpty: Bool { entries.isEmpty }

    /// Some name's addresses may have changed by now.
    func isDue(_ now: UInt64) -> Bool { entries.contains { $0.due <= now } }

    /// Looks up again the names whose time has come, which may block; on one thread at a time. A name that has no address now keeps those that it had.
    func lookAgain(_ now: UInt64, _ resolve: Resolve, _ retire: Retire) {
        for index in entries.indices where entries[index].due <= now {
            let entry = entries[index]
            let (addresses, seconds) = resolve(entry.name)
            entries[index].due = now + UInt64(seconds)
            let old = entry.place.pointee.current
            if addresses.isEmpty || HostNames.holds(old, addresses) { continue }
            entry.place.pointee.nets.store(UInt(bitPattern: HostNames.table(addresses)), ordering: .releasing)
            Log.info("\(entry.name) has other addresses: \(addresses.map(\.addressText).joined(separator: ", "))")
            retire(UnsafeMutableRawPointer(mutating: old))
        }
    }

    /// One piece of memory: the table, and its nets behind it.
    private static func table(_ addresses: [SocketAddress]) -> UnsafePointer<Conditions.Nets> {
        let head = 16
        let size = head + addresses.count * MemoryLayout<Conditions.Net>.stride
        let memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
        let nets = (memory + head).bindMemory(to: Conditions.Net.self, capacity: addresses.count)
        for (index, address) in addresses.enumerated() { (nets + index).initialize(to: Conditions.Net(address)) }
        let table = memory.bindMemory(to: Conditions.Nets.self, capacity: 1)
        table.initialize(to: Conditions.Nets(start: UnsafePointer(nets), count: addresses.count))
        return UnsafePointer(table)
    }

    static func free(_ table: UnsafeMutableRawPointer) { table.deallocate() }

    /// Whether these are the table's addresses, in whatever order.
    private static func holds(_ table: UnsafePointer<Conditions.Nets>, _ addresses: [SocketAddress]) -> Bool {
        guard table.pointee.count == addresses.count else { return false }
        let nets = UnsafeBufferPointer(start: table.pointee.start, count: table.pointee.count)
        return addresses.allSatisfy { address in nets.contains { $0.contains(address) } }
    }

    // MARK: All scripts

    /// Of the scripts that there are.
    private static let all = Mutex<[HostNames.Reference]>([])

    private struct Reference {
        weak var names: HostNames?
    }

    /// The script is complete.
    func begin() {
        guard !isEmpty else { return }
        HostNames.all.withLock { $0.append(Reference(names: self)) }
    }

    /// Those of all scripts; none when no script has names.
    static var known: [HostNames] {
        all.withLock { list in
            list.removeAll { $0.names == nil }
            return list.compactMap(\.names)
        }
    }
}
