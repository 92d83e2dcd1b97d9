import Testing

@testable import Core

/// An object with a timer, as a transaction is one.
private final class Probe {
    let node: UnsafeMutablePointer<TimerNode>
    let wheel: TimerWheel
    var fired: [UInt64] = []
    var then: (Probe) -> Void = { _ in }

    init(_ wheel: TimerWheel) {
        self.wheel = wheel
        node = .allocate(capacity: 1)
        let me = Unmanaged.passUnretained(self).toOpaque()
        node.initialize(
            to: TimerNode(context: me) { _, context in
                let probe = Unmanaged<Probe>.fromOpaque(context!).takeUnretainedValue()
                probe.fired.append(probe.wheel.now)
                probe.then(probe)
            })
    }

    deinit { node.deallocate() }
}

@Suite struct TimerWheelTests {
    private func withWheel(now: UInt64 = 0, _ body: (TimerWheel) throws -> Void) rethrows {
        let wheel = TimerWheel(now: now)
        defer { wheel.free() }
        try body(wheel)
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
                    wheel.cancel(probes[i].node)
                    expected[i] = nil
                case 1:
                    wheel.remove(probes[i].node)
                    expected[i] = nil
                default:
                    let reach = reaches[Int(random.next(below: UInt32(reaches.count)))]
                    let deadline = now + 1 + UInt64(random.next(below: reach))
                    wheel.schedule(probes[i].node, at: deadline)
                    expected[i] = deadline
                }
                guard random.next(below: 4) == 0 else { continue }
                now += UInt64(random.next(below: reaches[Int(random.next(below: 6))]))
                if let next = wheel.nextEvent(), let earliest = expected.compactMap({ $0 }).min() {
                    #expect(next <= earliest)
                }
                let fired = wheel.advance(to: now)
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
                wheel.remove(probe.node)
            }
            #expect(wheel.count == 0)
            #expect(wheel.nextEvent() == nil)
        }
    }

    @Test func postponingIsOneStore() {
        withWheel { wheel in
            let probe = Probe(wheel)
            wheel.schedule(probe.node, at: 500)
            wheel.schedule(probe.node, at: 700)
            #expect(wheel.advance(to: 699) == 0)
            #expect(wheel.advance(to: 700) == 1)
            #expect(probe.fired == [700])
        }
    }

    @Test func callbacksMayChangeAnything() {
        withWheel { wheel in
            let first = Probe(wheel)
            let second = Probe(wheel)
            let third = Probe(wheel)
            first.then = { probe in
                wheel.remove(second.node)
                wheel.schedule(third.node, at: 20)
                if probe.fired.count < 3 { wheel.schedule(probe.node, at: 0) }
            }
            for probe in [first, second, third] { wheel.schedule(probe.node, at: 10) }
            #expect(wheel.advance(to: 10) == 1)
            #expect(wheel.advance(to: 19) == 2)
            #expect(first.fired == [10, 11, 12])
            #expect(second.fired.isEmpty && third.fired.isEmpty)
            #expect(wheel.advance(to: 20) == 1)
            #expect(third.fired == [20])
        }
    }

    @Test func whatHasPassedFiresAtOnce() {
        withWheel(now: 1000) { wheel in
            let probe = Probe(wheel)
            wheel.schedule(probe.node, at: 3)
            #expect(wheel.nextEvent() == 1000)
            #expect(wheel.advance(to: 1000) == 1)
        }
    }
}
