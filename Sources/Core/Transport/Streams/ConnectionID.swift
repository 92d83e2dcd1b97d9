/// Names a connection for as long as the server runs: worker, place in the worker's table, and how often that place was used. Never 0,
/// never negative as a signed number, and of no use once the connection is closed.
struct ConnectionID: Equatable, BitwiseCopyable {
    let raw: UInt64

    /// Places in the table of one worker.
    static let places = 1 << 20

    @inline(__always)
    init(raw: UInt64) { self.raw = raw }

    /// - Parameter use: from 1; it wraps within 31 bits and never becomes 0.
    @inline(__always)
    init(worker: Int, place: Int, use: UInt32) {
        raw = UInt64(use & 0x7fff_ffff) << 32 | UInt64(place) << 12 | UInt64(worker)
    }

    @inline(__always) var worker: Int { Int(raw & 0xfff) }
    @inline(__always) var place: Int { Int(raw >> 12 & 0xf_ffff) }
    @inline(__always) var use: UInt32 { UInt32(truncatingIfNeeded: raw >> 32) }
}
