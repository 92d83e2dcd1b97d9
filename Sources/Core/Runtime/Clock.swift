/// A worker's time, read once per turn of its loop: all that happens in a turn happens at the same millisecond.
struct Clock {
    /// Milliseconds of the monotonic clock: for timers and durations.
    private(set) var now: UInt64

    init() { now = Syscalls.monotonicNanoseconds() / 1_000_000 }

    /// Begins a turn.
    @inline(__always)
    mutating func refresh() { now = Syscalls.monotonicNanoseconds() / 1_000_000 }
}
