import PluginAPI

// Invariants: a CallbackTable is filled on the main thread before the workers start, and constant afterwards; its memory is never freed.

/// Functions of modules, each with the host of its module and what it wants to be given.
struct CallbackTable<Function> {
    struct Entry {
        let call: Function
        let host: UnsafePointer<apus_host>
        let user: UnsafeMutableRawPointer?
    }

    private var entries: UnsafeMutablePointer<Entry>?
    private(set) var count = 0

    mutating func add(_ call: Function, host: UnsafePointer<apus_host>, user: UnsafeMutableRawPointer?) {
        let larger = UnsafeMutablePointer<Entry>.allocate(capacity: count + 1)
        if let old = entries {
            larger.moveInitialize(from: old, count: count)
            old.deallocate()
        }
        (larger + count).initialize(to: Entry(call: call, host: host, user: user))
        entries = larger
        count += 1
    }

    @inline(__always)
    func forEach(_ body: (Entry) -> Void) {
        guard let entries else { return }
        for index in 0..<count { body(entries[index]) }
    }
}

/// `net->on_undelivered`: of messages that were taken to be sent, and could not be.
typealias UndeliveredTold =
    @convention(c) (UnsafePointer<apus_host>, UnsafePointer<apus_destination>, apus_str, CInt, UnsafeMutableRawPointer?)
    -> Void

/// `net->on_closed`: of connections that are no more.
typealias ClosedTold =
    @convention(c) (UnsafePointer<apus_host>, UnsafePointer<apus_destination>, CInt, UnsafeMutableRawPointer?) -> Void

extension CallbackTable<UndeliveredTold> {
    /// [worker] On the worker that sent the message.
    func tell(_ flow: Flow, _ bytes: Bytes, _ code: Int32) {
        guard count > 0 else { return }
        var destination = apus_destination(flow)
        forEach { $0.call($0.host, &destination, apus_str(bytes), code, $0.user) }
    }
}

extension CallbackTable<ClosedTold> {
    /// [worker] On the connection's worker.
    func tell(_ flow: Flow, _ code: Int32) {
        guard count > 0 else { return }
        var destination = apus_destination(flow)
        forEach { $0.call($0.host, &destination, code, $0.user) }
    }
}

extension apus_destination {
    fileprivate init(_ flow: Flow) {
        self.init()
        size = UInt32(MemoryLayout<apus_destination>.size)
        withUnsafeMutablePointer(to: &self) { $0.set(flow) }
    }
}
