import Synchronization

/// What a destination has said about its overload (RFC 7339): the share of requests that it wants to be spared, and for how long. Any thread.
package struct Overload: ~Copyable {
    private let percent = Atomic<UInt32>(0)
    /// Monotonic milliseconds.
    private let end = Atomic<UInt64>(0)
    /// Seconds and microseconds in one number, which grows.
    private let sequence = Atomic<UInt64>(0)
    /// Milliseconds since 1970 of the last report.
    private let reported = Atomic<UInt64>(0)
    private let place = Atomic<UInt32>(0)

    package init() {}

    package var rate: UInt32 { percent.load(ordering: .relaxed) }
    package var lastSequence: UInt64 { sequence.load(ordering: .relaxed) }
    package var lastReport: UInt64 { reported.load(ordering: .relaxed) }
    package var lastPlace: UInt32 { place.load(ordering: .relaxed) }

    /// Takes a report; false for one that is not newer than the last.
    package func report(rate: UInt32, until: UInt64, sequence number: UInt64, at time: UInt64) -> Bool {
        var last = sequence.load(ordering: .relaxed)
        repeat {
            guard number > last else { return false }
            let (done, seen) = sequence.compareExchange(expected: last, desired: number, ordering: .relaxed)
            if done { break }
            last = seen
        } while true
        percent.store(rate, ordering: .relaxed)
        end.store(until, ordering: .relaxed)
        reported.store(time, ordering: .relaxed)
        return true
    }

    /// Whether this request is one of those that it wants to be spared.
    @inline(__always)
    package func spares(now: UInt64) -> Bool {
        let rate = percent.load(ordering: .relaxed)
        guard rate > 0, now < end.load(ordering: .relaxed) else { return false }
        // 37 and 100 have no common divisor: each hundred requests meet each number once, well mixed.
        let number = place.add(1, ordering: .relaxed).oldValue
        return number % 100 * 37 % 100 < rate
    }
}
