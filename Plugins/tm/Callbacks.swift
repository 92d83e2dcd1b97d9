import PluginKit

// Invariants: an entry lies in the memory of its transaction's worker, or, of the global list, for ever; entries are only added, at the end, so
// that a callback may register more while the list is walked. `release` is called once, when the transaction ends.

/// Who wants to know what happens to a transaction: `tm_api.register_tmcb`.
struct CallbackList {
    struct Entry {
        let host: Host
        let kinds: UInt32
        let call: tm_callback
        let user: UnsafeMutableRawPointer?
        let release: (@convention(c) (UnsafeMutableRawPointer?) -> Void)?
        var next: UnsafeMutablePointer<Entry>?
    }

    private(set) var first: UnsafeMutablePointer<Entry>?
    private var last: UnsafeMutablePointer<Entry>?
    /// All kinds that somebody wants.
    private(set) var kinds: UInt32 = 0
    /// Somebody wants to hear of every end: no transaction may be dropped in silence.
    private(set) var demandsNoise = false

    mutating func add(_ entry: UnsafeMutablePointer<Entry>) {
        if let last { last.pointee.next = entry } else { first = entry }
        last = entry
        kinds |= entry.pointee.kinds & ~UInt32(TM_QUIET)
        if entry.pointee.kinds & UInt32(TM_QUIET) == 0 { demandsNoise = true }
    }

    /// Empties the list; who owns the entries frees them.
    mutating func takeAll() -> UnsafeMutablePointer<Entry>? {
        defer { self = CallbackList() }
        return first
    }
}

/// What an event says beside its transaction and kind.
struct Occurrence {
    var request: OpaquePointer?
    var reply: OpaquePointer?
    var code: Int32 = 0
    var flags: Int = 0
    var branch: Int32 = -1
    var destination: UnsafePointer<apus_destination>?
    var bytes = apus_str()
}

extension TransactionRef {
    /// Whether anybody wants such events: asked before anything is prepared for them.
    @inline(__always)
    func isWatched(_ kind: Int) -> Bool { pointee.callbacks.kinds & UInt32(kind) != 0 }

    /// Calls those who registered for this kind (`TM_…`).
    @inline(__always)
    func tell(_ kind: Int, _ occurrence: Occurrence = Occurrence()) {
        if isWatched(kind) { TransactionRef.walk(pointee.callbacks.first, self, kind, occurrence) }
    }

    /// Calls those who registered for every transaction.
    func tellGlobally(_ kind: Int, _ occurrence: Occurrence) {
        let list = pointee.home.pointee.state.pointee.globalCallbacks
        if list.kinds & UInt32(kind) != 0 { TransactionRef.walk(list.first, self, kind, occurrence) }
    }

    @inline(never)
    private static func walk(
        _ first: UnsafeMutablePointer<CallbackList.Entry>?, _ transaction: TransactionRef, _ kind: Int,
        _ occurrence: Occurrence
    ) {
        var next = first
        // Whatever a callback does, the transaction stays until the walk is over.
        transaction.pointee.references += 1
        while let entry = next {
            if entry.pointee.kinds & UInt32(kind) != 0 {
                var event = tm_event(
                    size: UInt32(MemoryLayout<tm_event>.size), type: UInt32(kind), host: entry.pointee.host,
                    transaction: OpaquePointer(transaction),
                    request: occurrence.request ?? transaction.pointee.request, reply: occurrence.reply,
                    code: occurrence.code, flags: UInt32(occurrence.flags), branch: occurrence.branch, reserved: 0,
                    destination: occurrence.destination, bytes: occurrence.bytes, user: entry.pointee.user)
                entry.pointee.call(&event)
            }
            next = entry.pointee.next
        }
        transaction.pointee.references -= 1
    }

    /// `register_tmcb` for this transaction. False when memory is out.
    func register(
        _ host: Host, _ kinds: UInt32, _ call: @escaping tm_callback, _ user: UnsafeMutableRawPointer?,
        _ release: (@convention(c) (UnsafeMutableRawPointer?) -> Void)?
    ) -> Bool {
        guard let entry = pointee.home.allocate(CallbackList.Entry.self) else { return false }
        entry.initialize(
            to: CallbackList.Entry(host: host, kinds: kinds, call: call, user: user, release: release, next: nil))
        pointee.callbacks.add(entry)
        return true
    }

    /// The transaction ends: its callbacks' data is released.
    func releaseCallbacks() {
        var next = pointee.callbacks.takeAll()
        while let entry = next {
            next = entry.pointee.next
            entry.pointee.release?(entry.pointee.user)
            pointee.home.release(entry)
        }
    }
}
