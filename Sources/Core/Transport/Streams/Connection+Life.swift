import CLinux
import Glibc

// Invariants: see Connection.swift. A descriptor is closed once: by `close`, or by whoever could not make a connection of it.

extension UnsafeMutablePointer<Worker> {
    /// Makes a connection of a descriptor, which is its own from then on; nil, and the descriptor is closed, when memory or places are out.
    func adopt(
        _ fd: Int32, _ listener: Listener, remote: SocketAddress, local: SocketAddress, isOutgoing: Bool,
        isAdmitted: Bool, isConnected: Bool
    ) -> UnsafeMutablePointer<Connection>? {
        let streams = pointee.streams
        let shared = streams.pointee.shared
        let now = pointee.clock.now
        guard let (place, use) = streams.pointee.takePlace() else {
            Syscalls.close(fd)
            return nil
        }
        let id = ConnectionID(worker: pointee.index, place: place, use: use)
        guard let memory = pointee.slab.allocate(MemoryLayout<Connection>.stride),
            let entryMemory = pointee.slab.allocate(MemoryLayout<ConnectionEntry>.stride)
        else { return refuse(fd, place) }
        let connection = memory.bindMemory(to: Connection.self, capacity: 1)
        let entry = entryMemory.bindMemory(to: ConnectionEntry.self, capacity: 1)
        let interest = isConnected ? EPOLLIN.rawValue : EPOLLOUT.rawValue
        guard let watch = try? pointee.loop.watch(fd, interest, context: connection, Worker.connectionReady) else {
            pointee.slab.free(memory)
            pointee.slab.free(entryMemory)
            return refuse(fd, place)
        }
        entry.initialize(
            to: ConnectionEntry(
                id: id, listener: listener, address: remote, remote: remote, local: local, isOutgoing: isOutgoing,
                isAlias: false, phase: isConnected ? .open : .connecting, now: now))
        connection.initialize(
            to: Connection(
                id: id, fd: fd, watch: watch, entry: entry,
                flow: Flow(listener: listener, remote: remote, local: local, connection: id.raw),
                isOutgoing: isOutgoing, isAdmitted: isAdmitted, phase: isConnected ? .open : .connecting,
                interest: interest, timer: TimerNode(context: connection, fire: Worker.connectionTimer)))
        if !isConnected { connection.pointee.connectDeadline = later(pointee.streams.pointee.options.connectTimeout) }
        streams.pointee.set(connection, at: place)
        shared.pointee.table.link(entry)
        shared.pointee.open.open(id)
        shared.pointee.connections.add(1, ordering: .relaxed)
        pointee.shard.bump(shared.pointee.counters.opened)
        arm(connection)
        return connection
    }

    private func refuse(_ fd: Int32, _ place: Int) -> UnsafeMutablePointer<Connection>? {
        Syscalls.close(fd)
        pointee.streams.pointee.clear(place)
        return nil
    }

    /// So many milliseconds from now.
    @inline(__always)
    func later(_ interval: UInt64) -> UInt64 {
        interval == StreamOptions.forever ? interval : pointee.clock.now &+ interval
    }

    // MARK: - Time

    /// Something came or went.
    @inline(__always)
    func touch(_ connection: UnsafeMutablePointer<Connection>) {
        connection.pointee.entry.pointee.lastActive.store(pointee.clock.now, ordering: .relaxed)
    }

    /// Sets the timer to the first of the deadlines.
    func arm(_ connection: UnsafeMutablePointer<Connection>) {
        let deadline = Swift.min(
            Swift.min(connection.pointee.connectDeadline, connection.pointee.messageDeadline),
            Swift.min(connection.pointee.sendDeadline, connection.pointee.endDeadline), idleDeadline(connection))
        if deadline == StreamOptions.forever {
            pointee.wheel.cancel(connection.timer)
        } else {
            pointee.wheel.schedule(connection.timer, at: deadline)
        }
    }

    private func idleDeadline(_ connection: UnsafeMutablePointer<Connection>) -> UInt64 {
        let lifetime = pointee.streams.pointee.options.lifetime
        let active = connection.pointee.entry.pointee.lastActive.load(ordering: .relaxed)
        if !connection.pointee.hasReceived, !connection.pointee.isOutgoing {
            return active &+ Swift.min(lifetime, pointee.streams.pointee.options.firstDataTimeout)
        }
        return lifetime == StreamOptions.forever ? lifetime : active &+ lifetime
    }

    fileprivate func deadlineReached(_ connection: UnsafeMutablePointer<Connection>) {
        let now = pointee.clock.now
        let counters = pointee.streams.pointee.shared.pointee.counters
        if now >= connection.pointee.connectDeadline {
            pointee.shard.bump(counters.connectFailed)
            return close(connection, ETIMEDOUT)
        }
        if now >= connection.pointee.sendDeadline {
            pointee.shard.bump(counters.sendTimeout)
            return close(connection, ETIMEDOUT)
        }
        if now >= connection.pointee.messageDeadline || now >= idleDeadline(connection) {
            pointee.shard.bump(counters.timeout)
            return close(connection, ETIMEDOUT)
        }
        if now >= connection.pointee.endDeadline { return close(connection, ECONNABORTED) }
        arm(connection)
    }

    // MARK: - The end

    /// Nothing new is taken; when the last byte is written the peer is told so, and what it still sends is thrown away until it has ended,
    /// too: closing at once would make its kernel drop what it has not read yet.
    func end(_ connection: UnsafeMutablePointer<Connection>) {
        guard connection.pointee.phase == .open || connection.pointee.phase == .halfClosed else { return }
        withdraw(connection)
        connection.pointee.phase = .ending
        connection.pointee.messageDeadline = StreamOptions.forever
        dropPartial(connection)
        connection.pointee.endDeadline = later(Connection.endingTime)
        if connection.pointee.queue.isEmpty { finishWriting(connection) }
        guard !connection.isClosed else { return }
        if !connection.pointee.hasEnded { watch(connection, connection.pointee.interest | EPOLLIN.rawValue) }
        arm(connection)
    }

    /// The last byte of a connection that ends is written.
    func finishWriting(_ connection: UnsafeMutablePointer<Connection>) {
        if connection.pointee.hasEnded { return close(connection, ECONNABORTED) }
        Syscalls.shutdownWriting(connection.pointee.fd)
    }

    /// Ends the connection now. What waits for it has failed for that reason. Its memory stays until the turn is over.
    func close(_ connection: UnsafeMutablePointer<Connection>, _ code: Int32) {
        guard !connection.isClosed else { return }
        let streams = pointee.streams
        let shared = streams.pointee.shared
        let stood = connection.pointee.phase != .connecting
        withdraw(connection)
        forgetStalled(connection)
        connection.pointee.phase = .closed
        shared.pointee.open.close(connection.pointee.id)
        streams.pointee.clear(connection.pointee.id.place)
        pointee.loop.unwatch(connection.pointee.watch)
        pointee.wheel.remove(connection.timer)
        if pointee.streams.pointee.options.closesWithReset { Syscalls.resetOnClose(connection.pointee.fd) }
        Syscalls.close(connection.pointee.fd)
        if connection.pointee.isAdmitted { shared.pointee.table.leave(connection.pointee.flow.remote) }
        shared.pointee.connections.subtract(1, ordering: .relaxed)
        pointee.shard.bump(shared.pointee.counters.opened, by: -1)
        dropPartial(connection)
        var rest = connection.pointee.queue
        connection.pointee.queue = MailList()
        while let node = rest.removeFirst() { fail(UnsafeMutablePointer<StreamMessage>(node), code) }
        connection.pointee.nextGrave = streams.pointee.graves
        streams.pointee.graves = connection
        guard stood, !pointee.isStopping else { return }
        withUnsafePointer(to: &connection.pointee.flow) { pointee.hooks.closed(self, $0, code) }
    }

    /// Nobody finds it by its address any more.
    func withdraw(_ connection: UnsafeMutablePointer<Connection>) {
        let table = pointee.streams.pointee.shared
        connection.pointee.entry.pointee.phase.store(ConnectionEntry.Phase.ending.rawValue, ordering: .relaxed)
        table.pointee.table.unlink(connection.pointee.entry)
        for i in 0..<connection.pointee.aliasCount {
            if let alias = connection.pointee.aliases[i] { table.pointee.table.unlink(alias) }
        }
    }

    func dropPartial(_ connection: UnsafeMutablePointer<Connection>) {
        if let partial = connection.pointee.partial { pointee.slab.free(partial) }
        connection.pointee.partial = nil
        connection.pointee.partialCount = 0
        connection.pointee.partialCapacity = 0
        connection.pointee.seen = 0
        connection.pointee.needed = 0
    }

    /// At the end of a turn: memory of what was closed in it.
    func buryConnections() {
        while let connection = pointee.streams.pointee.graves {
            pointee.streams.pointee.graves = connection.pointee.nextGrave
            for i in 0..<connection.pointee.aliasCount {
                if let alias = connection.pointee.aliases[i] { pointee.slab.free(alias) }
            }
            pointee.slab.free(connection.pointee.entry)
            pointee.slab.free(connection)
        }
    }

    /// After the loop: what waits is written as far as the kernel takes it, and everything is closed.
    func endConnections() {
        pointee.streams.pointee.visit { connection in
            if connection.pointee.phase != .connecting { flush(connection) }
            close(connection, ESHUTDOWN)
        }
        pointee.streams.pointee.stalled = nil
        buryConnections()
    }

    /// Asks epoll for these events from now on.
    func watch(_ connection: UnsafeMutablePointer<Connection>, _ events: UInt32) {
        guard connection.pointee.interest != events else { return }
        connection.pointee.interest = events
        try? pointee.loop.change(connection.pointee.watch, events)
    }
}

extension Worker {
    static let connectionTimer: TimerWheel.Callback = { worker, connection in
        guard let worker = worker?.assumingMemoryBound(to: Worker.self),
            let connection = connection?.assumingMemoryBound(to: Connection.self)
        else { return }
        worker.deadlineReached(connection)
    }

    /// epoll has something to tell of a connection.
    static let connectionReady: EventLoop.Callback = { raw, context, events in
        let worker = raw.assumingMemoryBound(to: Worker.self)
        guard let connection = context?.assumingMemoryBound(to: Connection.self) else { return }
        if connection.pointee.phase == .connecting { return worker.connected(connection) }
        if events & EPOLLOUT.rawValue != 0 { worker.flush(connection) }
        let other = EPOLLIN.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue
        if !connection.isClosed, events & other != 0 { worker.read(connection, events) }
    }
}
