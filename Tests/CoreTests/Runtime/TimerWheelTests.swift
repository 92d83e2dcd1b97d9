import Testing

@testable import Core

/// An object with a timer, as a transaction is one.
private final class Probe {
    let node: UnsafeMutablePointer<TimerNode>
    var wheel: UnsafeMutablePointer<TimerWheel>
    var fired: [UInt64] = []
    var then: (Probe) -> Void = { _ in }

    init(_ wheel: UnsafeMutablePointer<TimerWheel>) {
        self.wheel = wheel
        node = .allocate(capacity: 1)
        let me = Unmanaged.passUnretained(self).toOpaque()
        node.initialize(
            to: TimerNode(context: me) { _, context in
                let probe = Unmanaged<Probe>.fromOpaque(context!).takeUnretainedValue()
                probe.fired.append(probe.wheel.pointee.now)
                probe.then(probe)
            })
    }

    deinit { node.deallocate() }
}

@Suite struct TimerWheelTests {
    private func withWheel(now: UInt64 = 0, _ body: (UnsafeMutablePointer<TimerWheel>) throws -> Void) rethrows {
        var wheel = TimerWheel(now: now)
        defer { wheel.free() }
        try withUnsafeMutablePointer(to: &wheel) { try body($0) }
    }

    /// Against the obvious: random deadlines, changes, cancellations and steps of time, compared to a sorted list.
    @Test(arguments: [0, 1, 63, 64, 4095, 1 << 30, (1 << 36) - 5, 1_700_000_000_123] as [UInt64])
    func agreesWithASortedList(start: UInt64) {
        withWheel(now: start) { wheel in
            var random = Random()
            let probes = (0..<300).map { _ in Probe(wheel) }
            var expected = [UInt64?](repeating: nil, count: probes.count)
            var now = start
            let reaches: [UInt32] = [1, 10, 70, 600, 5000, 70_000, 40_000_000]
            for _ in 0..<4000 {
                let i = Int(random.next(below: UInt32(probes.count)))
                switch random.next(below: 6) {
                case 0:
                    wheel.pointee.cancel(probes[i].node)
                    expected[i] = nil
                case 1:
                    wheel.pointee.remove(probes[i].node)
                    expected[i] = nil
                default:
                    let reach = reaches[Int(random.next(below: UInt32(reaches.count)))]
                    let deadline = now + 1 + UInt64(random.next(below: reach))
                    wheel.pointee.schedule(probes[i].node, at: deadline)
                    expected[i] = deadline
                }
                guard random.next(below: 4) == 0 else { continue }
                now += UInt64(random.next(below: reaches[Int(random.next(below: 6))]))
                if let next = wheel.pointee.nextEvent(), let earliest = expected.compactMap({ $0 }).min() {
                    #expect(next <= earliest)
                }
                let fired = wheel.pointee.advance(to: now)
                let due = expected.indices.filter { expected[$0].map { $0 <= now } ?? false }
                #expect(fired == due.count)
                for i in due {
                    #expect(probes[i].fired == [expected[i]!])
                    probes[i].fired = []
                    expected[i] = nil
                }
            }
            for probe in probes {
                #expect(probe.fired.isEmpty)
                wheel.pointee.remove(probe.node)
            }
            #expect(wheel.pointee.count == 0)
            #expect(wheel.pointee.nextEvent() == nil)
        }
    }

    @Test func postponingIsOneStore() {
        withWheel { wheel in
            let probe = Probe(wheel)
            wheel.pointee.schedule(probe.node, at: 500)
            wheel.pointee.schedule(probe.node, at: 700)
            #expect(wheel.pointee.advance(to: 699) == 0)
            #expect(wheel.pointee.advance(to: 700) == 1)
            #expect(probe.fired == [700])
        }
    }

    @Test func callbacksMayChangeAnything() {
        withWheel { wheel in
            let first = Probe(wheel)
            let second = Probe(wheel)
            let third = Probe(wheel)
            first.then = { probe in
                wheel.pointee.remove(second.node)
                wheel.pointee.schedule(third.node, at: 20)
                if probe.fired.count < 3 { wheel.pointee.schedule(probe.node, at: 0) }
            }
            for probe in [first, second, third] { wheel.pointee.schedule(probe.node, at: 10) }
            #expect(wheel.pointee.advance(to: 10) == 1)
            #expect(wheel.pointee.advance(to: 19) == 2)
            #expect(first.fired == [10, 11, 12])
            #expect(second.fired.isEmpty && third.fired.isEmpty)
            #expect(wheel.pointee.advance(to: 20) == 1)
            #expect(third.fired == [20])
        }
    }

    @Test func whatHasPassedFiresAtOnce() {
        withWheel(now: 1000) { wheel in
            let probe = Probe(wheel)
            wheel.pointee.schedule(probe.node, at: 3)
            #expect(wheel.pointee.nextEvent() == 1000)
            #expect(wheel.pointee.advance(to: 1000) == 1)
        }
    }
}
