/// A worker's time, read once per turn of its loop: all that happens in a turn happens at the same millisecond.
struct Clock {
    /// Milliseconds of the monotonic clock: for timers and durations.
    private(set) var now: UInt64
    private var wall: UInt64 = 0

    init() { now = Syscalls.monotonicNanoseconds() / 1_000_000 }

    /// Begins a turn.
    @inline(__always)
    mutating func refresh() {
        now = Syscalls.monotonicNanoseconds() / 1_000_000
        wall = 0
    }

    /// Microseconds since 1970, read when a turn first asks: for dates, logs and billing, never for durations.
    @inline(__always)
    mutating func wallMicroseconds() -> UInt64 {
        if wall == 0 { wall = Syscalls.wallNanoseconds() / 1000 }
        return wall
    }
}
