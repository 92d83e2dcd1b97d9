/// How long answers took: a count for each ten microseconds, up to a second.
///
/// Invariants: `counts` holds `places` elements from the beginning to the end.
struct Latencies: ~Copyable {
    private static let width: UInt64 = 10_000
    private static let places = 100_000

    private let counts: UnsafeMutablePointer<UInt32>
    private var total = 0

    init() {
        counts = .allocate(capacity: Latencies.places)
        counts.initialize(repeating: 0, count: Latencies.places)
    }

    deinit { counts.deallocate() }

    /// - Parameter nanoseconds: what is longer than a second counts as one.
    mutating func add(_ nanoseconds: UInt64) {
        counts[min(Int(nanoseconds / Latencies.width), Latencies.places - 1)] &+= 1
        total += 1
    }

    /// Microseconds within which this part of all were answered; nil when there were none.
    func quantile(_ part: Double) -> Int? {
        guard total > 0 else { return nil }
        var rest = Int((Double(total) * part).rounded(.up))
        for place in 0..<Latencies.places {
            rest -= Int(counts[place])
            if rest <= 0 { return (place + 1) * Int(Latencies.width) / 1000 }
        }
        return nil
    }
}
