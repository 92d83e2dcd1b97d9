import CLinux
import Glibc
import Synchronization
import Testing

@testable import Core

@Suite struct WorkersTests {
    /// Parses the number behind the first CRLF.
    static func number(_ bytes: Bytes) -> Int {
        var value = 0
        var i = 0
        while bytes[i] != 0x0A { i += 1 }
        for k in i + 1..<bytes.count { value = value * 10 + Int(bytes[k] - 0x30) }
        return value
    }

    private final class Order: Sendable {
        let last: [Atomic<Int>.Box]
        let workers: [Atomic<Int>.Box]
        let disorder = Atomic<Int>(0)
        let strayed = Atomic<Int>(0)
        let used: [Atomic<Int>.Box]
        init(calls: Int) {
            last = (0..<calls).map { _ in .init(-1) }
            workers = (0..<calls).map { _ in .init(-1) }
            used = (0..<4).map { _ in .init(0) }
        }
    }

    /// Datagrams of one Call-ID arrive at one worker, in the order in which they were sent, whichever worker read them.
    @Test(arguments: [1, 2, 4]) func keepsTheOrderOfEachCall(workers: Int) throws {
        let calls = 40
        let perCall = 600
        let order = Order(calls: calls)
        let test = try TestWorkers(workers) { worker, received in
            let number = WorkersTests.number(received.bytes)
            let (call, sequence) = (number % 1000, number / 1000)
            if order.last[call].value.load(ordering: .relaxed) + 1 != sequence {
                order.disorder.add(1, ordering: .relaxed)
            }
            order.last[call].value.store(sequence, ordering: .relaxed)
            let first = order.workers[call].value.exchange(worker.pointee.index, ordering: .relaxed)
            if first != -1, first != worker.pointee.index { order.strayed.add(1, ordering: .relaxed) }
            order.used[worker.pointee.index].value.add(1, ordering: .relaxed)
        }
        try test.group.start()
        let peer = try TestPeer()
        let target = test.set.listeners[0].address
        var sent = 0
        for sequence in 0..<perCall {
            for call in 0..<calls {
                let text = "Call-ID: call-\(call)@test\r\n\(sequence * 1000 + call)"
                #expect(peer.send(text, to: target) > 0)
                sent += 1
                // No more on the way than the kernel's buffer holds: what it drops is not what this test is about.
                while sent - test.delivered.load(ordering: .acquiring) > 100 { sched_yield() }
            }
        }
        while test.delivered.load(ordering: .acquiring) < sent { sched_yield() }
        let missing = test.stop()
        #expect(sent == 24_000)
        #expect(test.value("udp", "received") == sent)
        #expect(order.disorder.load(ordering: .relaxed) == 0)
        #expect(order.strayed.load(ordering: .relaxed) == 0)
        #expect(order.last.allSatisfy { $0.value.load(ordering: .relaxed) == perCall - 1 })
        #expect((0..<workers).allSatisfy { order.used[$0].value.load(ordering: .relaxed) > 0 })
        #expect(missing == 0)
        #expect(test.value("worker", "handover_refused") == 0)
        #expect(test.value("worker", "handover_no_slot") == 0)
        #expect((test.value("worker", "handed_over") > 0) == (workers > 1))
        test.free()
    }

    private final class Gate: Sendable {
        let isOpen = Atomic<Bool>(false)
        let isHeld = Atomic<Bool>(false)
    }

    /// A worker that does not come back from its handler: what is meant for it waits up to the bound, the rest is dropped and
    /// counted, nothing is lost without a count, and all slots come home in the end.
    @Test(arguments: [("handover_refused", 1024, 4), ("handover_no_slot", 16, 4096)])
    func dropsAndCountsBeyondTheBounds(counter: String, slots: Int, handOvers: Int) throws {
        let gate = Gate()
        let limits = Workers.Limits(slots: slots, handOvers: handOvers)
        let test = try TestWorkers(2, limits: limits) { worker, _ in
            if worker.pointee.index == 0 {
                gate.isHeld.store(true, ordering: .releasing)
                while !gate.isOpen.load(ordering: .acquiring) { sched_yield() }
            }
        }
        try test.group.start()
        let peer = try TestPeer()
        let target = test.set.listeners[0].address
        var call = 0
        // A Call-ID whose home is worker 0, which holds that worker.
        let key = test.group[0].pointee.callKey
        func home(_ call: Int) -> Int {
            var text = "call-\(call)"
            return text.withUTF8 { Worker.home(hash: key.hash(Bytes($0.baseAddress!, $0.count)), count: 2) }
        }
        while home(call) != 0 { call += 1 }
        var sent = 0
        while !gate.isHeld.load(ordering: .acquiring) {
            if sent == 0 {
                #expect(peer.send("Call-ID: call-\(call)\r\n", to: target) > 0)
                sent = 1
            }
            sched_yield()
        }
        for _ in 0..<60 {
            #expect(peer.send("Call-ID: call-\(call)\r\n", to: target) > 0)
            sent += 1
        }
        while test.value("udp", "received") < sent { sched_yield() }
        gate.isOpen.store(true, ordering: .releasing)
        func dropped() -> Int { test.value("worker", "handover_refused") + test.value("worker", "handover_no_slot") }
        while test.delivered.load(ordering: .acquiring) + dropped() < sent { sched_yield() }
        let missing = test.stop()
        #expect(test.delivered.load(ordering: .relaxed) + dropped() == sent)
        #expect(test.value("worker", counter) == dropped())
        #expect(dropped() > 0)
        #expect(missing == 0)
        test.free()
    }

    /// Datagrams beyond the slot, up to the longest, own and handed over, several in one batch.
    @Test(arguments: [1, 2]) func carriesLargeDatagrams(workers: Int) throws {
        let test = try TestWorkers(workers) { worker, received in
            #expect(worker.send(received.bytes, over: received.flow) == .sent)
        }
        try test.group.start()
        let peer = try TestPeer()
        let target = test.set.listeners[0].address
        for size in [2047, 2048, 2049, 4000, 30_000, 65_507] {
            var sums: [Int: Int] = [:]
            for call in 0..<3 {
                var bytes = Array("Call-ID: large-\(size)-\(call)\r\n".utf8)
                for i in bytes.count..<size { bytes.append(UInt8(truncatingIfNeeded: i &* 31 &+ call)) }
                #expect(peer.send(bytes, to: target) == size)
                sums[bytes.hashValue] = size
            }
            for _ in 0..<3 {
                let datagram = peer.receive()
                let got = try #require(datagram)
                #expect(sums.removeValue(forKey: got.bytes.hashValue) == size)
                #expect(got.from == target)
            }
        }
        #expect(test.stop() == 0)
        #expect((0..<workers).allSatisfy { test.group[$0].pointee.slab.inUse == 0 })
        test.free()
    }

    @Test func countsKeepalivesAndDeliversTheRest() throws {
        let test = try TestWorkers(1) { worker, received in _ = worker.send(received.bytes, over: received.flow) }
        try test.group.start()
        let peer = try TestPeer()
        let target = test.set.listeners[0].address
        for text in ["", "\r\n\r\n", "\0", "\r\n"] { peer.send(text, to: target) }
        peer.send("x", to: target)
        #expect(try #require(peer.receive()).bytes == [UInt8(ascii: "x")])
        #expect(test.stop() == 0)
        #expect(test.value("udp", "received") == 5 && test.value("udp", "keepalives") == 4)
        #expect(test.value("udp", "sent") == 1)
        test.free()
    }

    /// A socket on all addresses answers from the one that was asked.
    @Test(arguments: [("0.0.0.0", "127.0.0.77"), ("::", "::1")])
    func answersFromTheAddressAsked(listen: String, ask: String) throws {
        let test = try TestWorkers(1, on: [listen]) { worker, received in
            _ = worker.send(Bytes("local"), over: received.flow)
            #expect(received.flow.local.port == received.flow.listener.address.port)
        }
        try test.group.start()
        let peer = try TestPeer(ask.contains(":") ? "::1" : "127.0.0.1")
        let target = try #require(SocketAddress(ask, port: test.set.listeners[0].address.port))
        peer.send("x", to: target)
        #expect(try #require(peer.receive()).from == target)
        #expect(test.stop() == 0)
        test.free()
    }

    /// A peer that is gone (ICMP port unreachable) costs the others nothing.
    @Test func aDeadPeerIsNobodyElsesFailure() throws {
        let dead: SocketAddress
        do {
            let peer = try TestPeer()
            dead = peer.address
        }
        let test = try TestWorkers(1) { worker, received in
            for _ in 0..<3 {
                let gone = Flow(listener: received.flow.listener, remote: dead)
                #expect(worker.send(Bytes("nobody"), over: gone) == .sent)
            }
            #expect(worker.send(received.bytes, over: received.flow) == .sent)
        }
        try test.group.start()
        let peer = try TestPeer()
        for _ in 0..<20 {
            peer.send("Call-ID: a\r\n", to: test.set.listeners[0].address)
            #expect(peer.receive() != nil)
        }
        #expect(test.stop() == 0)
        #expect(test.value("udp", "read_errors") == 0 && test.value("udp", "send_failed") == 0)
        test.free()
    }

    @Test func tellsWhatCannotBeSent() throws {
        let test = try TestWorkers(1) { worker, received in
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 66_000) { buffer in
                buffer.initialize(repeating: 0)
                let long = Bytes(UnsafePointer(buffer.baseAddress!), buffer.count)
                #expect(worker.send(long, over: received.flow) == .failed(EMSGSIZE))
            }
            _ = worker.send(received.bytes, over: received.flow)
        }
        try test.group.start()
        let peer = try TestPeer()
        peer.send("x", to: test.set.listeners[0].address)
        #expect(peer.receive() != nil)
        #expect(test.stop() == 0)
        #expect(test.value("udp", "send_failed") == 1)
        test.free()
    }

    @Test func aWorkerThatDoesNotStartStopsTheStart() throws {
        let test = try TestWorkers(
            2, start: { raw in raw.assumingMemoryBound(to: Worker.self).pointee.index == 1 ? 7 : 0 },
            handler: { _, _ in })
        let error = #expect(throws: WorkersError.self) { try test.group.start() }
        #expect(error?.text == "worker 1: its start failed (7)")
        test.free()
    }
}

extension Atomic where Value == Int {
    /// An atomic that can stand in an array.
    final class Box: Sendable {
        let value: Atomic<Int>
        init(_ initial: Int) { value = Atomic<Int>(initial) }
    }
}
