import PluginAPI

// Invariants: filled on the main thread before the workers start, constant afterwards; the memory is never freed.

/// Who wants to know of messages that were taken to be sent, and could not be.
struct UndeliveredTable {
    typealias Told =
        @convention(c) (
            UnsafePointer<apus_host>, UnsafePointer<apus_destination>, apus_str, CInt, UnsafeMutableRawPointer?
        ) -> Void

    private struct Entry {
        var told: Told
        var host: UnsafePointer<apus_host>
        var user: UnsafeMutableRawPointer?
    }

    private var entries: UnsafeMutablePointer<Entry>?
    private var count = 0

    mutating func add(_ told: @escaping Told, host: UnsafePointer<apus_host>, user: UnsafeMutableRawPointer?) {
        let larger = UnsafeMutablePointer<Entry>.allocate(capacity: count + 1)
        if let old = entries {
            larger.moveInitialize(from: old, count: count)
            old.deallocate()
        }
        (larger + count).initialize(to: Entry(told: told, host: host, user: user))
        entries = larger
        count += 1
    }

    /// [worker] On the worker that sent the message.
    func tell(_ flow: Flow, _ bytes: Bytes, _ code: Int32) {
        guard let entries else { return }
        var destination = apus_destination()
        destination.size = UInt32(MemoryLayout<apus_destination>.size)
        withUnsafeMutablePointer(to: &destination) { destination in
            destination.set(flow)
            for index in 0..<count {
                entries[index].told(entries[index].host, destination, apus_str(bytes), code, entries[index].user)
            }
        }
    }
}
