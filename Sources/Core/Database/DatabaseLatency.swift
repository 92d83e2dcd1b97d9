import Synchronization

/// Work of databases that takes too long is told of in the log (latency_limit_db).
enum DatabaseLatency {
    /// Nanoseconds of one piece of work; 0: none is timed.
    private static let limit = Atomic<UInt64>(0)
    private static let level = Atomic<Int32>(LogLevel.error.rawValue)

    /// From any thread; holds for what begins from then on.
    static func set(_ nanoseconds: UInt64, _ level: LogLevel) {
        self.level.store(level.rawValue, ordering: .relaxed)
        limit.store(nanoseconds, ordering: .relaxed)
    }

    /// On a thread that waits for a database: does a piece of work.
    /// - Parameter what: says which one.
    static func time<R>(_ what: @autoclosure () -> String, _ body: () throws(DatabaseFault) -> R) throws(DatabaseFault)
        -> R
    {
        let limit = limit.load(ordering: .relaxed)
        guard limit > 0 else { return try body() }
        let before = Syscalls.monotonicNanoseconds()
        defer {
            let spent = Syscalls.monotonicNanoseconds() - before
            if spent > limit {
                Log.line(LogLevel(clamping: Int(level.load(ordering: .relaxed)))) { line in
                    line.add("alert - database work took too long [")
                    line.add(unsigned: spent / 1000)
                    line.add(" us] for [")
                    line.add(what())
                    line.add("]")
                }
            }
        }
        return try body()
    }
}
