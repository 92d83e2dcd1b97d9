import CLinux
import Glibc

// Invariants: lives inside its Worker, one thread. `watches` may move when one is added, so nothing keeps a pointer into it
// across a callback; an event whose generation is not the watch's own belongs to a watch that ended in the same turn.

/// A watched descriptor, by position and generation: a handle that has ended is harmless.
struct WatchID: Equatable, BitwiseCopyable {
    let index: UInt32
    let generation: UInt32
}

/// What a worker waits for: epoll over descriptors with a callback each.
struct EventLoop {
    /// - Parameters: the worker, the context given to `watch`, and epoll's events.
    typealias Callback =
        @convention(c) (
            _ worker: UnsafeMutableRawPointer, _ context: UnsafeMutableRawPointer?, _ events: UInt32
        ) -> Void

    private struct Watch {
        var fd: Int32
        var generation: UInt32
        var callback: Callback?
        var context: UnsafeMutableRawPointer?
        var nextFree: UInt32
    }

    /// Events that one turn takes from the kernel.
    static let batch = 64
    private static let none = UInt32.max

    let epoll: Int32
    private let events: UnsafeMutablePointer<epoll_event>
    private var watches: UnsafeMutablePointer<Watch>
    private var capacity: UInt32 = 16
    private var free: UInt32 = EventLoop.none
    private var used: UInt32 = 0

    init() throws(SystemError) {
        epoll = try Syscalls.makeEpoll()
        events = .allocate(capacity: EventLoop.batch)
        watches = .allocate(capacity: Int(capacity))
    }

    /// Calls `callback` on this worker when one of `events` (EPOLLIN, EPOLLOUT, …; level-triggered unless EPOLLET) is there.
    /// The descriptor stays the caller's: `unwatch` before closing it.
    mutating func watch(
        _ fd: Int32, _ events: UInt32, context: UnsafeMutableRawPointer?, _ callback: @escaping Callback
    ) throws(SystemError) -> WatchID {
        if free == EventLoop.none { addSlot() }
        let index = free
        let generation = watches[Int(index)].generation
        let data = UInt64(generation) << 32 | UInt64(index)
        try Syscalls.control(epoll, EPOLL_CTL_ADD, fd, events: events, data: data)
        free = watches[Int(index)].nextFree
        watches[Int(index)].fd = fd
        watches[Int(index)].callback = callback
        watches[Int(index)].context = context
        return WatchID(index: index, generation: generation)
    }

    /// Waits for other events from now on; 0 for none but errors. Not for descriptors watched with EPOLLEXCLUSIVE.
    mutating func change(_ id: WatchID, _ events: UInt32) throws(SystemError) {
        guard isAlive(id) else { return }
        let data = UInt64(id.generation) << 32 | UInt64(id.index)
        try Syscalls.control(epoll, EPOLL_CTL_MOD, watches[Int(id.index)].fd, events: events, data: data)
    }

    /// Ends a watch; no callback comes any more, not even for what this turn has already fetched.
    mutating func unwatch(_ id: WatchID) {
        guard isAlive(id) else { return }
        let index = Int(id.index)
        try? Syscalls.control(epoll, EPOLL_CTL_DEL, watches[index].fd, events: 0, data: 0)
        watches[index].generation &+= 1
        watches[index].callback = nil
        watches[index].nextFree = free
        free = id.index
    }

    private func isAlive(_ id: WatchID) -> Bool {
        id.index < used && watches[Int(id.index)].generation == id.generation && watches[Int(id.index)].callback != nil
    }

    private mutating func addSlot() {
        if used == capacity {
            let larger = UnsafeMutablePointer<Watch>.allocate(capacity: Int(capacity) * 2)
            larger.moveInitialize(from: watches, count: Int(used))
            watches.deallocate()
            watches = larger
            capacity *= 2
        }
        (watches + Int(used)).initialize(
            to: Watch(fd: -1, generation: 0, callback: nil, context: nil, nextFree: EventLoop.none))
        free = used
        used += 1
    }

    /// Waits; answers the number of events, 0 after `milliseconds` or a signal. -1 waits for ever.
    @inline(__always)
    func wait(milliseconds: Int32) -> Int {
        max(0, Syscalls.wait(epoll, events, EventLoop.batch, milliseconds: milliseconds))
    }

    /// Who is to be called for event number `i` of the last `wait`; nil when the watch has ended since.
    @inline(__always)
    func target(_ i: Int) -> (callback: Callback, context: UnsafeMutableRawPointer?, events: UInt32)? {
        let event = events[i]
        let watch = watches[Int(UInt32(truncatingIfNeeded: event.data.u64))]
        guard watch.generation == UInt32(truncatingIfNeeded: event.data.u64 >> 32), let callback = watch.callback else {
            return nil
        }
        return (callback, watch.context, event.events)
    }

    /// Closes epoll. Watched descriptors stay open.
    func end() {
        Syscalls.close(epoll)
        events.deallocate()
        watches.deallocate()
    }
}
