import PluginKit

// Invariants: one for each worker, which alone touches it, at one address for ever.

/// What one worker pings with.
public struct PingHome {
    public typealias Seen =
        @convention(c) (
            Host, apus_str, UInt64, UnsafePointer<usrloc_contact>, UnsafeMutableRawPointer?
        ) -> Void

    public var rounds: PingRounds
    public var sender: PingSender
    /// Place among usrloc's tables of the one that is walked over.
    public internal(set) var table: UInt32 = 0
    /// Milliseconds in which each contact is pinged once.
    let interval: UInt64
    /// Only contacts with one of these branch flags; 0: all.
    let cflags: UInt32
    /// Over tables that are in the database only.
    var walks: UnsafeMutablePointer<RowWalk>?
    var walkCount = 0

    /// As many as usrloc has tables.
    static let mostWalks = 64

    /// How often it is looked whose turn it is, in milliseconds.
    public static let beat: UInt32 = 50

    /// [start] One for each worker.
    /// - Parameters:
    ///   - interval: milliseconds in which each contact is pinged once.
    ///   - cflags: only contacts with one of these branch flags; 0: all.
    public static func make(
        _ host: Host, _ style: UnsafePointer<PingStyle>, interval: UInt64, cflags: UInt32
    ) -> UnsafeMutablePointer<PingHome> {
        let count = host.pointee.worker.pointee.count(host)
        let homes = UnsafeMutablePointer<PingHome>.allocate(capacity: Int(count))
        var random = SystemRandomNumberGenerator()
        for index in 0..<count {
            (homes + Int(index)).initialize(
                to: PingHome(
                    rounds: PingRounds(interval: interval, cflags: cflags, part: index, parts: count),
                    sender: PingSender(style, random: random.next()), interval: interval, cflags: cflags))
        }
        return homes
    }
}

extension UnsafeMutablePointer<PingHome> {
    public var sender: UnsafeMutablePointer<PingSender> { pointer(to: \.sender).unsafelyUnwrapped }

    /// [worker] Shows the contacts whose turn has come; `seen` gets this home.
    public func turn(_ host: Host, _ usrloc: UnsafePointer<usrloc_api>, now: UInt64, _ seen: @escaping PingHome.Seen) {
        var tables = 0
        while usrloc.pointee.table_at(host, UInt32(tables)) != nil { tables += 1 }
        // A copy: `seen` reaches the home itself meanwhile.
        var rounds = pointee.rounds
        rounds.turn(now: now, tables: tables) { number, place in
            guard let table = usrloc.pointee.table_at(host, UInt32(number)) else { return .false }
            pointee.table = UInt32(number)
            return usrloc.pointee.visit(host, table, place, seen, self)
        }
        pointee.rounds = rounds
    }
}

extension PingMark {
    /// Microseconds since it was sent: at least 1, since 0 means that nobody knows.
    public var roundTrip: UInt32 { UInt32(clamping: max(1, Int64(PingSender.microseconds()) - Int64(sent))) }
}
