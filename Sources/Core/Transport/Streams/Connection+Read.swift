import CLinux
import Glibc

// Invariants: see Connection.swift. A message is copied out of the stream before it is run or handed over, and messages are run when all work on
// the connection is done: their script may close it.

extension UnsafeMutablePointer<Worker> {
    /// Reads what has come, once: others have their turn, too.
    func read(_ connection: UnsafeMutablePointer<Connection>, _ events: UInt32) {
        switch connection.pointee.phase {
        case .open: break
        case .ending: return readToTheEnd(connection)
        // Nothing is left to be read: this is the end.
        default: return close(connection, ECONNRESET)
        }
        guard !connection.pointee.isStalled else {
            // A stream that nobody can read now is given up when the peer has.
            if events & (EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 { close(connection, ECONNRESET) }
            return
        }
        takeHome()
        let got = readSome(connection)
        if got > 0 {
            touch(connection)
            process(connection)
        } else if got == 0 {
            halfClose(connection)
        } else if got != -Int(EAGAIN) {
            pointee.shard.bump(pointee.streams.pointee.shared.pointee.counters.reset)
            close(connection, Int32(-got))
        }
        runQueue()
    }

    /// The one place where bytes come from a connection's socket; what deciphers them stands between.
    /// - Returns: bytes, 0 at the end, or -errno.
    @inline(__always)
    private func receive(
        _ connection: UnsafeMutablePointer<Connection>, _ place: UnsafeMutablePointer<UInt8>, _ room: Int
    ) -> Int {
        Syscalls.read(connection.pointee.fd, place, room)
    }

    /// Reads behind what is there of a message, or, between messages, into the worker's buffer, and keeps of that what makes no message.
    private func readSome(_ connection: UnsafeMutablePointer<Connection>) -> Int {
        let streams = pointee.streams
        if let partial = connection.pointee.partial {
            let there = connection.pointee.partialCount
            let got = receive(connection, partial + there, connection.pointee.partialCapacity - there)
            if got > 0 { connection.pointee.partialCount += got }
            return got
        }
        let buffer = streams.pointee.buffer
        let got = receive(connection, buffer, streams.pointee.options.readSize)
        guard got > 0 else { return got }
        connection.pointee.hasReceived = true
        let used = takeMessages(connection, Bytes(UnsafePointer(buffer), got))
        guard connection.pointee.phase == .open, used < got else { return got }
        guard keep(connection, Bytes(UnsafePointer(buffer + used), got - used)) else { return -Int(ENOMEM) }
        return got
    }

    /// Takes the messages out of what has been kept of the stream.
    private func process(_ connection: UnsafeMutablePointer<Connection>) {
        guard connection.pointee.phase == .open, let partial = connection.pointee.partial,
            !connection.pointee.isStalled, connection.pointee.partialCount >= connection.pointee.needed
        else { return }
        connection.pointee.hasReceived = true
        let count = connection.pointee.partialCount
        let used = takeMessages(connection, Bytes(UnsafePointer(partial), count))
        guard connection.pointee.phase == .open else { return }
        if used == count {
            dropPartial(connection)
            connection.pointee.messageDeadline = StreamOptions.forever
            return
        }
        if used > 0 {
            memmove(partial, partial + used, count - used)
            connection.pointee.partialCount = count - used
            beginMessage(connection)
        }
        let room = Swift.max(connection.pointee.needed, connection.pointee.partialCount + 1)
        if room > connection.pointee.partialCapacity, !grow(connection, room) { close(connection, ENOMEM) }
    }

    /// A message has begun, and has to be whole in time.
    private func beginMessage(_ connection: UnsafeMutablePointer<Connection>) {
        connection.pointee.messageDeadline = later(
            pointee.streams.pointee.options.messageTimeout)
        arm(connection)
    }

    /// Keeps the beginning of a message.
    private func keep(_ connection: UnsafeMutablePointer<Connection>, _ bytes: Bytes) -> Bool {
        let size = Swift.max(Swift.max(connection.pointee.needed, bytes.count + 1), 1024)
        guard let piece = pointee.slab.allocate(Slab.room(for: size)) else { return false }
        piece.copyMemory(from: bytes.start, byteCount: bytes.count)
        connection.pointee.partial = piece.assumingMemoryBound(to: UInt8.self)
        connection.pointee.partialCount = bytes.count
        connection.pointee.partialCapacity = Slab.room(for: size)
        beginMessage(connection)
        return true
    }

    /// Room for `needed` bytes at least, and twice what there was, so that single bytes cost no more than many at once. Bounded by what the framer
    /// lets a message have.
    private func grow(_ connection: UnsafeMutablePointer<Connection>, _ needed: Int) -> Bool {
        let size = Swift.min(Swift.max(needed, 2 * connection.pointee.partialCapacity), Slab.largest)
        guard size >= needed, let old = connection.pointee.partial,
            let piece = pointee.slab.allocate(Slab.room(for: size))
        else { return false }
        piece.copyMemory(from: old, byteCount: connection.pointee.partialCount)
        pointee.slab.free(old)
        connection.pointee.partial = piece.assumingMemoryBound(to: UInt8.self)
        connection.pointee.partialCapacity = Slab.room(for: size)
        return true
    }

    // MARK: - Messages

    /// Takes what is whole, until something is missing, nobody takes more, or the stream is broken; notes what is missing, counted from the first
    /// byte that is left.
    /// - Returns: bytes consumed.
    private func takeMessages(_ connection: UnsafeMutablePointer<Connection>, _ bytes: Bytes) -> Int {
        let options = pointee.streams.pointee.options
        var at = 0
        if connection.pointee.awaitsProxy {
            guard let end = takeProxyHeader(connection, bytes) else {
                return connection.pointee.phase == .open ? 0 : bytes.count
            }
            at = end
        }
        while at < bytes.count {
            if bytes[at] == 13 || bytes[at] == 10 {
                passBlank(connection, bytes[at])
                guard connection.pointee.phase == .open else { return bytes.count }
                at &+= 1
                connection.pointee.seen = 0
                continue
            }
            connection.pointee.pinged = 0
            let rest = bytes.dropFirst(at)
            let frame = Message.frame(
                rest, seen: connection.pointee.seen, limit: options.messageLimit,
                needsLength: !options.acceptsNoLength)
            connection.pointee.seen = 0
            connection.pointee.needed = 0
            switch frame {
            case .message(_, let end):
                guard take(connection, rest.prefix(end), fault: .none) else {
                    stall(connection)
                    return at
                }
                at &+= end
            case .needsMore(let count, let seen):
                connection.pointee.needed = count
                connection.pointee.seen = seen
                return at
            case .broken(let fault, let start, let end):
                giveUp(connection, rest[start..<end], fault)
                return bytes.count
            }
        }
        return at
    }

    /// The header that a load balancer puts first (tcp_accept_haproxy): from then on the connection is its client's.
    /// - Returns: where it ends; nil when it is not there yet, or the connection was closed.
    @inline(never)
    private func takeProxyHeader(_ connection: UnsafeMutablePointer<Connection>, _ bytes: Bytes) -> Int? {
        let shared = pointee.streams.pointee.shared
        switch ProxyHeader.read(bytes) {
        case .needsMore(let count):
            connection.pointee.needed = count
            return nil
        case .broken:
            pointee.shard.bump(shared.pointee.counters.broken)
            Log.limited(.info, "a stream is broken", source: connection.pointee.flow.remote) { line in
                line.add(": it begins without a header of the PROXY protocol")
            }
            close(connection, EPROTO)
            return nil
        case .whole(let client, let end):
            connection.pointee.awaitsProxy = false
            connection.pointee.needed = 0
            return belongs(connection, to: client) ? end : nil
        }
    }

    /// The connection is that of a load balancer's client: found by its address, counted as its.
    /// - Parameter client: none: the balancer's own.
    /// - Returns: false when it was closed, as the client has too many.
    private func belongs(_ connection: UnsafeMutablePointer<Connection>, to client: SocketAddress) -> Bool {
        let shared = pointee.streams.pointee.shared
        let limit = pointee.streams.pointee.options.maxPerAddress
        let owner = client.isNone ? connection.pointee.flow.remote : client
        guard shared.pointee.table.admit(owner, limit: limit) else {
            Log.limited(.warning, "a connection is refused: there are too many", source: owner) { _ in }
            pointee.shard.bump(shared.pointee.counters.localReject)
            close(connection, EMFILE)
            return false
        }
        connection.pointee.isAdmitted = limit > 0
        guard !client.isNone else { return true }
        shared.pointee.table.move(connection.pointee.entry, to: client)
        connection.pointee.flow.remote = client
        return true
    }

    /// CR and LF between messages are ignored (RFC 3261 §7.5); two empty lines ask whether we are there (RFC 5626 §3.5.1).
    @inline(__always)
    private func passBlank(_ connection: UnsafeMutablePointer<Connection>, _ byte: UInt8) {
        let isExpected = byte == (connection.pointee.pinged & 1 == 0 ? 13 : 10)
        connection.pointee.pinged = isExpected ? connection.pointee.pinged &+ 1 : (byte == 13 ? 1 : 0)
        guard connection.pointee.pinged == 4 else { return }
        connection.pointee.pinged = 0
        let shared = pointee.streams.pointee.shared
        pointee.shard.bump(shared.pointee.counters.keepalives)
        guard pointee.streams.pointee.options.answersPings, connection.pointee.queue.isEmpty else { return }
        // What the kernel does not take now is not worth waiting for.
        _ = transmit(connection, Bytes("\r\n").start, 2)
    }

    /// Nobody can tell where the next message begins: the sender is answered, if it can be, and the connection ends.
    private func giveUp(_ connection: UnsafeMutablePointer<Connection>, _ head: Bytes, _ fault: ParseFault) {
        pointee.shard.bump(pointee.streams.pointee.shared.pointee.counters.broken)
        Log.limited(.info, "a stream is broken", source: connection.pointee.flow.remote) { line in
            line.add(": ")
            line.add(fault.reason)
        }
        // The answer closes the connection, or, if none comes, its deadline does.
        let isTaken = !head.isEmpty && take(connection, head, fault: fault)
        dropPartial(connection)
        if isTaken { stopReading(connection) } else { end(connection) }
    }

    /// Gives a message to its home worker.
    /// - Returns: false when neither a slot nor its mailbox has room.
    private func take(_ connection: UnsafeMutablePointer<Connection>, _ bytes: Bytes, fault: ParseFault) -> Bool {
        // As many stay as a read of datagrams takes.
        guard pointee.slots.available > pointee.batch.size, let slot = pointee.slots.take() else { return false }
        slot.pointee.flow = connection.pointee.flow
        slot.pointee.callHash = 0
        slot.pointee.fault = fault
        if bytes.count <= SlotPool.size {
            let buffer = SlotPool.buffer(of: slot)
            memcpy(buffer, bytes.start, bytes.count)
            slot.pointee.bytes = Bytes(UnsafePointer(buffer), bytes.count)
        } else {
            slot.pointee.bytes = bytes
            guard moveToSlab(slot) else {
                pointee.slots.putBack(slot)
                return false
            }
        }
        var home = pointee.index
        if pointee.count > 1 {
            var length = 0
            if let start = pointee.hooks.callID(slot.pointee.bytes.start, bytes.count, &length) {
                slot.pointee.callHash = pointee.callKey.hash(Bytes(start, length))
                home = Worker.home(hash: slot.pointee.callHash, count: pointee.count)
            }
        }
        if home == pointee.index {
            pointee.queue.append(SlotPool.node(of: slot))
        } else if !handOver(slot, to: home) {
            Worker.slotCameHome(self, slot)
            return false
        }
        pointee.shard.bump(pointee.streams.pointee.shared.pointee.counters.received)
        return true
    }

    // MARK: - Streams that wait

    /// Nothing more is read until the messages that are there have found room: the peer's kernel makes it wait.
    private func stall(_ connection: UnsafeMutablePointer<Connection>) {
        guard !connection.pointee.isStalled else { return }
        connection.pointee.isStalled = true
        connection.pointee.nextStalled = pointee.streams.pointee.stalled
        pointee.streams.pointee.stalled = connection
        watch(connection, connection.pointee.interest & ~EPOLLIN.rawValue)
    }

    /// A connection that waits is closed.
    func forgetStalled(_ connection: UnsafeMutablePointer<Connection>) {
        guard connection.pointee.isStalled else { return }
        connection.pointee.isStalled = false
        var previous: UnsafeMutablePointer<Connection>?
        var next = pointee.streams.pointee.stalled
        while let candidate = next, candidate != connection {
            previous = candidate
            next = candidate.pointee.nextStalled
        }
        guard next != nil else { return }
        if let previous {
            previous.pointee.nextStalled = connection.pointee.nextStalled
        } else {
            pointee.streams.pointee.stalled = connection.pointee.nextStalled
        }
    }

    /// Tries again, at the end of a turn, what found no room before.
    func retryStalled() {
        guard pointee.streams.pointee.stalled != nil else { return }
        takeHome()
        var next = pointee.streams.pointee.stalled
        pointee.streams.pointee.stalled = nil
        while let connection = next {
            next = connection.pointee.nextStalled
            connection.pointee.nextStalled = nil
            connection.pointee.isStalled = false
            guard connection.pointee.phase == .open else { continue }
            process(connection)
            if connection.pointee.phase == .open, !connection.pointee.isStalled {
                watch(connection, connection.pointee.interest | EPOLLIN.rawValue)
            }
        }
        runQueue()
    }

    // MARK: - The peer's end

    /// The peer sends no more. It may still wait for replies; nobody else is sent that way.
    private func halfClose(_ connection: UnsafeMutablePointer<Connection>) {
        connection.pointee.hasEnded = true
        // Who has asked nothing waits for nothing.
        guard connection.pointee.hasReceived else { return close(connection, ECONNRESET) }
        dropPartial(connection)
        stopReading(connection)
    }

    /// Nothing is read any more, but replies may leave for a while.
    private func stopReading(_ connection: UnsafeMutablePointer<Connection>) {
        connection.pointee.messageDeadline = StreamOptions.forever
        withdraw(connection)
        connection.pointee.phase = .halfClosed
        connection.pointee.endDeadline = later(Connection.endingTime)
        watch(connection, connection.pointee.interest & ~EPOLLIN.rawValue)
        arm(connection)
    }

    /// Throws away what still comes.
    private func readToTheEnd(_ connection: UnsafeMutablePointer<Connection>) {
        let streams = pointee.streams
        let got = receive(connection, streams.pointee.buffer, streams.pointee.options.readSize)
        if got > 0 || got == -Int(EAGAIN) { return }
        connection.pointee.hasEnded = true
        if got == 0, !connection.pointee.queue.isEmpty {
            watch(connection, connection.pointee.interest & ~EPOLLIN.rawValue)
            return
        }
        close(connection, ECONNRESET)
    }
}
