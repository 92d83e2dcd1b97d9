import CLinux
import Glibc
import Synchronization
import Testing

@testable import Core

/// Workers with a handler for tests, on sockets of their own.
final class TestWorkers: @unchecked Sendable {
    typealias Handler = @Sendable (_ worker: UnsafeMutablePointer<Worker>, _ received: Received) -> Void

    let group: Workers
    let set: ListenerSet
    let statistics = Statistics()
    let handler: Handler
    let delivered = Atomic<Int>(0)

    init(
        _ count: Int, on hosts: [String] = ["127.0.0.1"], limits: Workers.Limits = .init(),
        start: @escaping @convention(c) (UnsafeMutableRawPointer) -> Int32 = { _ in 0 }, handler: @escaping Handler
    ) throws {
        self.handler = handler
        let specs = hosts.map { ListenSpec(protocols: [.udp], host: $0, port: 0) }
        set = try ListenerSet.open(specs)
        // The group is needed before `self` is whole: the pointer is filled in below.
        let place = UnsafeMutablePointer<Unmanaged<TestWorkers>?>.allocate(capacity: 1)
        place.initialize(to: nil)
        let hooks = WorkerHooks(
            deliver: { raw, received in
                let worker = raw.assumingMemoryBound(to: Worker.self)
                let place = worker.pointee.hooks.shared!.assumingMemoryBound(to: Unmanaged<TestWorkers>?.self)
                let mine = place.pointee!.takeUnretainedValue()
                mine.handler(worker, received.assumingMemoryBound(to: Received.self).pointee)
                mine.delivered.add(1, ordering: .releasing)
            },
            callID: { start, count, found in
                // "Call-ID: " stands first in the datagrams of these tests.
                guard count > 9, memcmp(start, "Call-ID: ", 9) == 0 else { return nil }
                var end = 9
                while end < count, start[end] != 0x0D { end += 1 }
                found.pointee = end - 9
                return start + 9
            }, start: start, shared: place)
        group = try Workers(count: count, listeners: set, statistics: statistics, hooks: hooks, limits: limits)
        place.pointee = Unmanaged.passUnretained(self)
    }

    func value(_ group: String, _ name: String) -> Int { Int(statistics.value(statistics.find(group, name)!)) }

    /// Stops the threads; answers how many slots of all workers are still not back.
    func stop() -> Int {
        group.stop()
        group.join()
        var missing = 0
        for i in 0..<group.count {
            let worker = group[i]
            worker.takeHome()
            worker.pointee.batch.empty(&worker.pointee.slots)
            missing += worker.pointee.slots.inUse
        }
        return missing
    }

    func free() {
        group.free()
        set.close()
    }
}

/// A peer's socket.
final class TestPeer {
    let fd: Int32
    let address: SocketAddress

    init(_ host: String = "127.0.0.1") throws {
        fd = try Syscalls.socket(host.contains(":") ? AF_INET6 : AF_INET, .datagram)
        try Syscalls.bind(fd, SocketAddress(host)!)
        address = try Syscalls.boundAddress(fd)
    }

    deinit { Syscalls.close(fd) }

    @discardableResult
    func send(_ text: String, to address: SocketAddress) -> Int { send(Array(text.utf8), to: address) }

    @discardableResult
    func send(_ bytes: [UInt8], to address: SocketAddress) -> Int {
        var copy = address
        return bytes.withUnsafeBytes {
            Syscalls.send(fd, $0.baseAddress ?? UnsafeRawPointer(bitPattern: 8)!, $0.count, to: &copy)
        }
    }

    /// Waits up to 20 s for one datagram; nil when none came.
    func receive() -> (bytes: [UInt8], from: SocketAddress)? {
        var poll = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
        guard Glibc.poll(&poll, 1, 20_000) == 1 else { return nil }
        var buffer = [UInt8](repeating: 0, count: 65536)
        var from = SocketAddress()
        var length = UInt32(MemoryLayout<SocketAddress>.size)
        let got = withUnsafeMutablePointer(to: &from) {
            recvfrom(
                fd, &buffer, buffer.count, 0, UnsafeMutableRawPointer($0).assumingMemoryBound(to: sockaddr.self),
                &length)
        }
        return got < 0 ? nil : (Array(buffer[0..<got]), from)
    }
}
