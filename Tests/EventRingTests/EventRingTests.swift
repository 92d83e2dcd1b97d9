import Glibc
import PluginAPI
import Testing

@testable import EventRing

/// Events from a thread that does not wait to one that does.
@Suite struct EventRingTests {
    private func put(_ ring: EventRing, _ kind: UInt32, _ first: String, _ second: String = "") -> EventRing.Answer {
        var (first, second) = (first, second)
        return first.withUTF8 { first in
            second.withUTF8 { second in
                func text(_ bytes: UnsafeBufferPointer<UInt8>) -> apus_str {
                    apus_str(
                        s: bytes.baseAddress.map { UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self) },
                        len: bytes.count)
                }
                return ring.put(kind: kind, subject: UInt(kind) &* 0x1_0000_0001, text(first), text(second))
            }
        }
    }

    private func take(_ ring: EventRing) -> [EventRing.Event] {
        var events: [EventRing.Event] = []
        ring.take { events.append($0) }
        return events
    }

    /// What is put comes out, whole and in order, wherever the ring's end cuts it.
    @Test func textsOfAnyLengthComeOut() {
        let ring = EventRing(capacity: 256, EventRing.Sequence())
        var order: UInt64 = 0
        for round in 0..<500 {
            let first = String(repeating: "a", count: round % 61)
            let second = String(repeating: "b", count: round % 37)
            #expect(put(ring, UInt32(round), first, second) != .lost)
            #expect(put(ring, UInt32.max, "x") != .lost)
            let events = take(ring)
            #expect(events.count == 2)
            #expect(events[0].kind == UInt32(round) && events[1].kind == UInt32.max)
            #expect(events[0].subject == UInt(round) &* 0x1_0000_0001)
            #expect(events[0].first == Array(first.utf8) && events[0].second == Array(second.utf8))
            #expect(events[1].first == [UInt8(ascii: "x")] && events[1].second.isEmpty)
            #expect(events.map(\.order) == [order, order + 1])
            order += 2
        }
        #expect(ring.lost == 0 && take(ring).isEmpty)
    }

    /// A full ring takes nothing, keeps what it has, and counts; there is room again when somebody took. It asks for that once, at half.
    @Test func aFullRingCounts() {
        let ring = EventRing(capacity: 256, EventRing.Sequence())
        // 32 bytes each: eight of them.
        let answers = (0..<10).map { put(ring, UInt32($0), "12345678") }
        #expect(
            answers == [.taken, .taken, .taken, .taken, .filling, .taken, .taken, .taken, .lost, .lost])
        #expect(ring.lost == 2)
        let events = take(ring)
        #expect(events.map(\.kind) == Array(0..<8))
        // What was lost has no place in the order.
        #expect(events.map(\.order) == Array(0..<8))
        #expect(put(ring, 11, "12345678") == .taken)
        #expect(take(ring).map(\.order) == [8])
        #expect(ring.lost == 2)
    }

    @Test func textsThatAreTooLongAreLost() {
        let ring = EventRing(capacity: 65536, EventRing.Sequence())
        #expect(put(ring, 1, String(repeating: "x", count: EventRing.longest)) == .taken)
        #expect(put(ring, 2, String(repeating: "x", count: EventRing.longest), "y") == .lost)
        #expect(ring.lost == 1 && take(ring).map(\.first.count) == [EventRing.longest])
    }

    /// Two threads put, each into a ring of its own, while a third takes: nothing is lost but what is counted, and orders are all there.
    @Test func threadsPutAndTake() async {
        let sequence = EventRing.Sequence()
        let rings = [EventRing(capacity: 4096, sequence), EventRing(capacity: 4096, sequence)]
        let each = 50_000
        await withTaskGroup(of: [EventRing.Event].self) { group in
            for ring in rings {
                group.addTask {
                    var word: [CChar] = Array("user-0000000".utf8CString)
                    for number in 0..<each {
                        var rest = number
                        for place in (5..<12).reversed() {
                            word[place] = CChar(48 + rest % 10)
                            rest /= 10
                        }
                        word.withUnsafeBufferPointer {
                            _ = ring.put(
                                kind: UInt32(number), subject: 7, apus_str(s: $0.baseAddress, len: 12))
                        }
                        if number % 64 == 0 { sched_yield() }
                    }
                    return []
                }
            }
            group.addTask {
                var events: [[EventRing.Event]] = [[], []]
                while events[0].count + Int(rings[0].lost) < each || events[1].count + Int(rings[1].lost) < each {
                    for (place, ring) in rings.enumerated() { ring.take { events[place].append($0) } }
                    sched_yield()
                }
                for (place, ring) in rings.enumerated() {
                    ring.take { events[place].append($0) }
                    #expect(events[place].count + Int(ring.lost) == each)
                    let isOrdered = zip(events[place], events[place].dropFirst()).allSatisfy {
                        $0.kind < $1.kind && $0.order < $1.order
                    }
                    #expect(isOrdered)
                    let isWhole = events[place].allSatisfy { event in
                        let digits = String(event.kind)
                        let text = "user-" + String(repeating: "0", count: 7 - digits.utf8.count) + digits
                        return event.first == Array(text.utf8) && event.subject == 7
                    }
                    #expect(isWhole)
                }
                return events.flatMap { $0 }
            }
            var all: [EventRing.Event] = []
            for await events in group { all += events }
            #expect(all.map(\.order).sorted() == Array(0..<UInt64(all.count)))
        }
    }
}
