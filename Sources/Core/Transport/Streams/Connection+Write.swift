import CLinux
import Glibc

// Invariants: see Connection.swift. The bytes given are copied unless the kernel has taken all of them. `sendDeadline` is set exactly when the
// queue of a connected connection is not empty.

extension UnsafeMutablePointer<Worker> {
    /// Sends a message over a connection, now or when the peer takes it.
    /// - Returns: 0, or an errno. After another one than ENOBUFS the connection is closed.
    func put(
        _ connection: UnsafeMutablePointer<Connection>, _ flow: Flow, _ bytes: UnsafePointer<UInt8>, _ count: Int
    ) -> Int32 {
        var written = 0
        if connection.pointee.queue.isEmpty, connection.pointee.phase != .connecting {
            let result = transmit(connection, bytes, count)
            if result >= 0 {
                touch(connection)
                written = result
            } else if result != -Int(EAGAIN) {
                broke(connection, Int32(-result))
                return Int32(-result)
            }
            if written == count {
                pointee.shard.bump(pointee.streams.pointee.shared.pointee.counters.sent)
                if flow.options.contains(.closeAfterwards) { end(connection) }
                return 0
            }
        }
        let shared = pointee.streams.pointee.shared
        guard connection.pointee.queue.isEmpty || hasRoom(connection, count) else {
            pointee.shard.bump(shared.pointee.counters.queueFull)
            return ENOBUFS
        }
        guard let message = makeMessage(flow, bytes, count) else {
            // Half a message without the rest: nothing that follows could be understood.
            if written > 0 { close(connection, ENOBUFS) }
            return ENOBUFS
        }
        message.pointee.written = written
        append(connection, message)
        return 0
    }

    @inline(__always)
    private func hasRoom(_ connection: UnsafeMutablePointer<Connection>, _ count: Int) -> Bool {
        connection.pointee.queuedBytes + count <= pointee.streams.pointee.options.maxQueuedOfOne
    }

    /// The one place where bytes go to a connection's socket; what enciphers them stands between.
    /// - Returns: bytes that were taken, or -errno.
    @inline(__always)
    func transmit(
        _ connection: UnsafeMutablePointer<Connection>, _ bytes: UnsafePointer<UInt8>, _ count: Int
    ) -> Int {
        Syscalls.send(connection.pointee.fd, bytes, count)
    }

    /// Sends a message that another worker has handed over.
    func put(_ connection: UnsafeMutablePointer<Connection>, _ message: UnsafeMutablePointer<StreamMessage>) {
        guard connection.pointee.queue.isEmpty || hasRoom(connection, message.pointee.count) else {
            pointee.shard.bump(pointee.streams.pointee.shared.pointee.counters.queueFull)
            return fail(message, ENOBUFS)
        }
        append(connection, message)
        if connection.pointee.phase != .connecting, connection.pointee.queue.count == 1 { flush(connection) }
    }

    private func append(_ connection: UnsafeMutablePointer<Connection>, _ message: UnsafeMutablePointer<StreamMessage>)
    {
        connection.pointee.queue.append(message.node)
        connection.pointee.queuedBytes += message.pointee.count
        guard connection.pointee.phase != .connecting else { return }
        watch(connection, connection.pointee.interest | EPOLLOUT.rawValue)
        if connection.pointee.sendDeadline == StreamOptions.forever {
            connection.pointee.sendDeadline = later(pointee.streams.pointee.options.sendTimeout)
            arm(connection)
        }
    }

    /// Writes what waits, as far as the kernel takes it.
    func flush(_ connection: UnsafeMutablePointer<Connection>) {
        var closes = false
        while let node = connection.pointee.queue.first {
            let message = UnsafeMutablePointer<StreamMessage>(node)
            let written = message.pointee.written
            let result = transmit(connection, message.bytes + written, message.pointee.count - written)
            guard result > 0 else {
                if result < 0, result != -Int(EAGAIN) { return broke(connection, Int32(-result)) }
                break
            }
            touch(connection)
            connection.pointee.sendDeadline = later(pointee.streams.pointee.options.sendTimeout)
            message.pointee.written = written + result
            guard message.pointee.written == message.pointee.count else { break }
            _ = connection.pointee.queue.removeFirst()
            connection.pointee.queuedBytes -= message.pointee.count
            pointee.shard.bump(pointee.streams.pointee.shared.pointee.counters.sent)
            if message.pointee.flow.options.contains(.closeAfterwards) { closes = true }
            finish(message)
        }
        guard connection.pointee.queue.isEmpty else {
            if connection.pointee.sendDeadline == StreamOptions.forever {
                connection.pointee.sendDeadline = later(
                    pointee.streams.pointee.options.sendTimeout)
                arm(connection)
            }
            return watch(connection, connection.pointee.interest | EPOLLOUT.rawValue)
        }
        connection.pointee.sendDeadline = StreamOptions.forever
        watch(connection, connection.pointee.interest & ~EPOLLOUT.rawValue)
        if connection.pointee.phase == .ending { return finishWriting(connection) }
        if closes { end(connection) }
    }

    private func broke(_ connection: UnsafeMutablePointer<Connection>, _ code: Int32) {
        pointee.shard.bump(pointee.streams.pointee.shared.pointee.counters.reset)
        close(connection, code)
    }
}
