import Testing

@testable import Destinations

@Suite struct ProbeClockTests {
    /// The places of each look, 50 ms after the other.
    private func looks(_ clock: inout ProbeClock, from start: UInt64, count: Int, looks: Int) -> [[Int]] {
        (0..<looks).map { look in
            let (first, second) = clock.turn(now: start + UInt64(look) * 50, count: count)
            return Array(first) + Array(second)
        }
    }

    @Test(arguments: [1, 3, 19, 20, 21, 1000, 10_007]) func eachOnceInAnIntervalAndEvenlySpread(count: Int) {
        var clock = ProbeClock(interval: 1000)
        #expect(clock.turn(now: 77, count: count) == (0..<0, 0..<0))
        let looks = looks(&clock, from: 127, count: count, looks: 20)
        #expect(looks.joined().sorted() == Array(0..<count))
        // Not more at once than their share of 50 of 1,000 ms, rounded up.
        #expect((looks.map(\.count).max() ?? 0) <= (count + 19) / 20)
        // And again.
        let next = self.looks(&clock, from: 1127, count: count, looks: 20)
        #expect(next == looks)
    }

    @Test func turnsThatWereMissedAreNotMadeUpFor() {
        var clock = ProbeClock(interval: 1000)
        _ = clock.turn(now: 0, count: 100)
        // Ten intervals and a half later: the half.
        let (first, second) = clock.turn(now: 10_500, count: 100)
        #expect((first, second) == (0..<50, 0..<0))
        // Over the end of one: the rest, and the beginning of the next.
        let (rest, start) = clock.turn(now: 11_200, count: 100)
        #expect((rest, start) == (50..<100, 0..<20))
    }

    /// More or less destinations meanwhile.
    @Test func countsThatChange() {
        var clock = ProbeClock(interval: 1000)
        _ = clock.turn(now: 0, count: 10)
        #expect(clock.turn(now: 500, count: 10).0 == 0..<5)
        #expect(clock.turn(now: 900, count: 2).0 == 1..<1)
        #expect(clock.turn(now: 1000, count: 2).0 == 1..<2)
        #expect(clock.turn(now: 1500, count: 0).0.isEmpty)
    }
}
