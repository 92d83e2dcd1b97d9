/// Whose turn it is to be probed: within one interval each of the destinations once, evenly spread.
package struct ProbeClock {
    /// Milliseconds.
    private let interval: UInt64
    private var begun: UInt64?
    /// Where in the interval the last look was.
    private var last: UInt64 = 0

    /// - Parameter interval: milliseconds, above 0.
    package init(interval: UInt64) { self.interval = interval }

    /// The places whose time has come since the last look: a range, and behind it those of the next interval.
    /// - Parameters:
    ///   - now: monotonic milliseconds. Who looks again after a whole interval or more misses turns: they do not pile up.
    ///   - count: how many destinations there are.
    package mutating func turn(now: UInt64, count: Int) -> (Range<Int>, Range<Int>) {
        let start = begun ?? now
        begun = start
        let moment = (now - start) % interval
        func place(_ moment: UInt64) -> Int { Int(UInt64(count) * moment / interval) }
        let (from, to) = (place(last), place(moment))
        let wrapped = moment < last
        last = moment
        return wrapped ? (from..<count, 0..<to) : (from..<to, 0..<0)
    }
}
