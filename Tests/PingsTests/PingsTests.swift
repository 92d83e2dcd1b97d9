import PluginKit
import Testing

@testable import Pings

@Suite struct PingsTests {
    @Test func marksSayWhoseTheyAre() throws {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: 200, alignment: 1)
        defer { memory.deallocate() }
        var out = Writer(memory, capacity: 200)
        PingMark(table: 3, hash: 0xfeed_0000_0000_0001, sent: 77, ruid: "uloc-1-2-3").write(to: &out, prefix: "ping-")
        #expect(out.text.string == "ping-3-feed000000000001-4d-uloc-1-2-3")
        let mark = try #require(PingMark(out.text, prefix: "ping-"))
        #expect(mark.table == 3 && mark.hash == 0xfeed_0000_0000_0001 && mark.sent == 77)
        #expect(mark.ruid.equals("uloc-1-2-3"))
        for text: StaticString in [
            "", "ping-", "ping-3", "ping-3-1-4d", "ping-3-1-4d-", "ping-x-1-4d-r", "ping-1ffffffff-1-4d-r",
            "other-3-1-4d-r",
            "ping-3-11111111111111111-4d-r",
        ] {
            let tag = apus_str(start: text.utf8Start, count: text.utf8CodeUnitCount)
            #expect(PingMark(tag, prefix: "ping-") == nil, "\(text)")
        }
        #expect(PingMark.fits("uloc-1") && !PingMark.fits("a b") && !PingMark.fits("") && !PingMark.fits("a\r\nb"))
    }

    /// A table of a thousand places, and how often each was visited.
    private final class Table {
        var visits = [Int](repeating: 0, count: 1000)
        /// Places in one slice.
        var slice = 500

        func visit(_ place: UnsafeMutablePointer<usrloc_visit>) -> CInt {
            let until = place.pointee.until
            let end = until == 0 ? 1000 : (UInt64(until) * 1000) >> 32
            var left = slice
            while place.pointee.place.0 < end, left > 0 {
                visits[Int(place.pointee.place.0)] += 1
                place.pointee.place.0 += 1
                left -= 1
            }
            return CInt(place.pointee.place.0 < 1000 ? APUS_TRUE : APUS_EXIT)
        }
    }

    @Test func eachOnceInAnInterval() {
        let table = Table()
        var rounds = PingRounds(interval: 10_000, cflags: 0, part: 0, parts: 1)
        var most = 0
        for now in stride(from: UInt64(5000), through: 35_000, by: 50) {
            let before = table.visits.reduce(0, +)
            rounds.turn(now: now, tables: 1) { _, place in table.visit(place) }
            most = max(most, table.visits.reduce(0, +) - before)
        }
        #expect(table.visits.allSatisfy { $0 == 3 })
        #expect(most <= 6, "5 of 1000 in 50 of 10000 milliseconds, not \(most)")
    }

    @Test func whoIsLateDoesNotHurry() {
        let table = Table()
        table.slice = 2
        var rounds = PingRounds(interval: 1000, cflags: 0, part: 0, parts: 1)
        // 8 places in a turn, of 1000: it cannot be done within the interval, and goes on where it was.
        for turn in 0..<500 { rounds.turn(now: UInt64(turn) * 50, tables: 1) { _, place in table.visit(place) } }
        let all = table.visits.reduce(0, +)
        #expect(all > 2000 && all <= 500 * 8)
        #expect(table.visits.max().unsafelyUnwrapped - table.visits.min().unsafelyUnwrapped <= 1, "nobody is left out")
    }

    @Test func aPauseIsNotMadeUpFor() {
        let table = Table()
        var rounds = PingRounds(interval: 1000, cflags: 0, part: 0, parts: 1)
        for now in stride(from: UInt64(0), through: 500, by: 50) {
            rounds.turn(now: now, tables: 1) { _, place in table.visit(place) }
        }
        #expect(table.visits.reduce(0, +) == 500)
        rounds.pause()
        rounds.turn(now: 100_000, tables: 1) { _, place in table.visit(place) }
        #expect(table.visits.reduce(0, +) == 500)
        rounds.turn(now: 100_100, tables: 1) { _, place in table.visit(place) }
        #expect(599...600 ~= table.visits.reduce(0, +))
    }
}
