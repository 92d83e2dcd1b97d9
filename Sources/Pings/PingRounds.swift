import PluginKit

// Invariants: one worker's, which alone walks its part of each table.

/// When which contacts are pinged: in each interval every one once, spread evenly over it. One worker looks after every so manyth part of a table,
/// and at a few of its contacts at a time.
public struct PingRounds {
    private struct Walk {
        var visit: usrloc_visit
        /// How many intervals are behind it.
        var round: UInt64
    }

    /// Addresses that are looked at in one go, and how often in one turn.
    private static let slice: UInt32 = 500
    private static let mostSlices = 4

    /// Milliseconds.
    private let interval: UInt64
    private let cflags: UInt32
    private let part: UInt32
    private let parts: UInt32
    private var begun: UInt64?
    private var walks: [Walk] = []

    /// - Parameters:
    ///   - interval: milliseconds, above 0.
    ///   - cflags: only contacts with one of these branch flags; 0: all.
    ///   - part: the calling worker's index.
    ///   - parts: how many workers there are.
    public init(interval: UInt64, cflags: UInt32, part: UInt32, parts: UInt32) {
        self.interval = interval
        self.cflags = cflags
        self.part = part
        self.parts = parts
    }

    /// Nothing is pinged now; what follows begins anew.
    public mutating func pause() {
        begun = nil
        walks.removeAll(keepingCapacity: true)
    }

    /// Walks as far as the time says. Intervals that nobody came to look at are left out: they do not pile up.
    /// - Parameters:
    ///   - now: monotonic milliseconds.
    ///   - tables: how many there are.
    ///   - visit: walks on in a table: APUS_TRUE, or APUS_EXIT when that was its end.
    public mutating func turn(
        now: UInt64, tables: Int, _ visit: (_ table: Int, _ place: UnsafeMutablePointer<usrloc_visit>) -> CInt
    ) {
        let start = begun ?? now
        begun = start
        let round = (now - start) / interval
        let moment = (now - start) % interval
        while walks.count < tables { walks.append(Walk(visit: fresh(), round: round)) }
        for table in 0..<tables {
            for _ in 0..<PingRounds.mostSlices {
                let isLate = walks[table].round < round
                walks[table].visit.until = isLate ? 0 : UInt32(truncatingIfNeeded: moment << 32 / interval)
                // The very beginning: 0 would be the whole of it.
                if !isLate, walks[table].visit.until == 0 { break }
                let before = walks[table].visit.place
                let answer = visit(table, &walks[table].visit)
                if answer == CInt(APUS_EXIT), isLate {
                    walks[table] = Walk(visit: fresh(), round: round)
                } else if answer != CInt(APUS_TRUE) || walks[table].visit.place == before {
                    break
                }
            }
        }
    }

    private func fresh() -> usrloc_visit {
        var visit = usrloc_visit()
        visit.size = UInt32(MemoryLayout<usrloc_visit>.size)
        visit.limit = PingRounds.slice
        visit.cflags = cflags
        visit.part = part
        visit.parts = parts
        return visit
    }
}
