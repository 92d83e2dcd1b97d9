import Glibc
import PluginAPI
import Synchronization

// Invariants: the entries of a stripe are read and written under its lock only, which is held for a look-up and a copy. Entries are never
// removed, so the process keeps one for each name that the config has; their texts are the table's own. `first` holds the address
// of a stripe's first entry.

/// `$shv`: values that all workers share, in a table of striped locks.
struct SharedVariables: ~Copyable, @unchecked Sendable {
    /// The server's.
    static let server = SharedVariables()

    fileprivate struct Entry {
        let name: Bytes
        /// A number, or a text in memory of `capacity` bytes.
        var value: apus_value
        var capacity: Int
        let next: UnsafeMutablePointer<Entry>?
    }

    private struct Stripe: ~Copyable {
        let first = Mutex<UInt>(0)
    }

    private static let stripeCount = 64
    private let stripes: UnsafeMutablePointer<Stripe>
    private let key = SipKey.random()

    init() {
        stripes = .allocate(capacity: SharedVariables.stripeCount)
        for index in 0..<SharedVariables.stripeCount { (stripes + index).initialize(to: Stripe()) }
    }

    deinit {
        for index in 0..<SharedVariables.stripeCount {
            stripes[index].first.withLock { first in
                var next = UnsafeMutablePointer<Entry>(bitPattern: first)
                while let entry = next {
                    next = entry.pointee.next
                    free(UnsafeMutableRawPointer(mutating: entry.pointee.value.str.s))
                    free(UnsafeMutableRawPointer(mutating: entry.pointee.name.start))
                    entry.deallocate()
                }
            }
        }
        stripes.deinitialize(count: SharedVariables.stripeCount)
        stripes.deallocate()
    }

    /// [any] The value, its text copied by `copy`; 0 for a name that was never set. $null when `copy` fails.
    func get(_ name: Bytes, copy: (apus_str) -> apus_str?) -> apus_value {
        var value = apus_value(0 as Int64)
        stripe(of: name).pointee.first.withLock { first in
            guard let entry = SharedVariables.find(name, first) else { return }
            value = entry.pointee.value
            if value.hasText { value = copy(value.str).map { apus_value($0) } ?? .null }
        }
        return value
    }

    /// [any] Sets it to a copy of the value; $null is 0.
    func set(_ name: Bytes, _ value: apus_value) {
        stripe(of: name).pointee.first.withLock { first in
            SharedVariables.entry(name, &first).pointee.store(value)
        }
    }

    /// [any] The value of a name that was set; nil for one that was not. Cold: it copies texts into Strings.
    func known(_ name: Bytes) -> SharedValue? {
        stripe(of: name).pointee.first.withLock { SharedVariables.find(name, $0).map { SharedValue($0.pointee) } }
    }

    /// [any] All that were set, by name. Not of one moment.
    var all: [SharedValue] {
        var all: [SharedValue] = []
        for index in 0..<SharedVariables.stripeCount {
            stripes[index].first.withLock { first in
                var next = UnsafeMutablePointer<Entry>(bitPattern: first)
                while let entry = next {
                    next = entry.pointee.next
                    all.append(SharedValue(entry.pointee))
                }
            }
        }
        return all.sorted { $0.name < $1.name }
    }

    /// [any] Adds 1 to the number, in one step for all workers. A text counts as the number that it reads as.
    /// - Returns: the sum.
    func increment(_ name: Bytes) -> Int64 {
        stripe(of: name).pointee.first.withLock { first in
            let entry = SharedVariables.entry(name, &first)
            let sum = entry.pointee.value.int &+ 1
            entry.pointee.store(apus_value(sum))
            return sum
        }
    }

    @inline(__always)
    private func stripe(of name: Bytes) -> UnsafeMutablePointer<Stripe> {
        stripes + Int(key.hash(name) % UInt64(SharedVariables.stripeCount))
    }

    private static func find(_ name: Bytes, _ first: UInt) -> UnsafeMutablePointer<Entry>? {
        var next = UnsafeMutablePointer<Entry>(bitPattern: first)
        while let entry = next {
            if entry.pointee.name == name { return entry }
            next = entry.pointee.next
        }
        return nil
    }

    /// The entry of the name, made when there is none.
    private static func entry(_ name: Bytes, _ first: inout UInt) -> UnsafeMutablePointer<Entry> {
        if let entry = find(name, first) { return entry }
        let copy = allocate(max(1, name.count))
        copy.copyMemory(from: name.start, byteCount: name.count)
        let entry = UnsafeMutablePointer<Entry>.allocate(capacity: 1)
        entry.initialize(
            to: Entry(
                name: Bytes(UnsafePointer(copy.assumingMemoryBound(to: UInt8.self)), name.count),
                value: apus_value(0 as Int64), capacity: 0, next: UnsafeMutablePointer<Entry>(bitPattern: first)))
        first = UInt(bitPattern: entry)
        return entry
    }

    fileprivate static func allocate(_ size: Int) -> UnsafeMutableRawPointer {
        guard let memory = malloc(size) else { fatalError("out of memory") }
        return memory
    }
}

/// A shared variable, copied.
struct SharedValue {
    let name: String
    /// A number, or a text.
    let value: Settings.Value

    fileprivate init(_ entry: SharedVariables.Entry) {
        name = entry.name.string
        value = entry.value.hasText ? .text(entry.value.str.string) : .number(entry.value.num)
    }
}

extension SharedVariables.Entry {
    fileprivate mutating func store(_ new: apus_value) {
        guard new.hasText else {
            // The text's memory is kept for the next one.
            value.kind = UInt32(APUS_INT)
            value.num = new.num
            return
        }
        if capacity < new.str.len || value.str.s == nil {
            free(UnsafeMutableRawPointer(mutating: value.str.s))
            capacity = max(16, new.str.len)
            value.str.s = UnsafePointer(SharedVariables.allocate(capacity).assumingMemoryBound(to: CChar.self))
        }
        if let source = new.str.s, let place = value.str.s {
            memcpy(UnsafeMutableRawPointer(mutating: place), source, new.str.len)
        }
        value.kind = new.kind
        value.num = new.num
        value.str.len = new.str.len
    }
}

/// `$shv`, `$shvinc`.
extension CoreVariables {
    static func declareSharedVariables(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.variable("shv", inner: "*", "A variable of the whole server; 0 until it is set.") { access, out in
            out.give(SharedVariables.server.get(access.inner) { access.run.copy($0) })
        } set: {
            SharedVariables.server.set($0.inner, $1.pointee)
            return 1
        }
        try declare.variable("shvinc", inner: "*", "Adds 1 to the server's variable and gives the sum.") {
            $1.give(SharedVariables.server.increment($0.inner))
        }
    }
}
