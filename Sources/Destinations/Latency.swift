import Synchronization

// Invariants: one thread at a time adds samples (of a destination one probe at a time is under way); any reads, a value each.

/// How long a destination takes to answer probes, in milliseconds.
package struct Latency: ~Copyable {
    private let count = Atomic<UInt64>(0)
    private let meanBits = Atomic<UInt64>(0)
    private let spreadBits = Atomic<UInt64>(0)
    private let estimateBits = Atomic<UInt64>(0)
    private let highest = Atomic<UInt32>(0)
    private let timeoutCount = Atomic<UInt32>(0)

    package init() {}

    /// The mean of all samples.
    package var average: Double { Double(bitPattern: meanBits.load(ordering: .relaxed)) }
    /// Exponentially weighted: what it is now.
    package var estimate: Double { Double(bitPattern: estimateBits.load(ordering: .relaxed)) }
    package var maximum: UInt32 { highest.load(ordering: .relaxed) }
    package var timeouts: UInt32 { timeoutCount.load(ordering: .relaxed) }
    package var samples: UInt64 { count.load(ordering: .relaxed) }

    /// Standard deviation.
    package var deviation: Double {
        let samples = samples
        guard samples > 1 else { return 0 }
        return (Double(bitPattern: spreadBits.load(ordering: .relaxed)) / Double(samples - 1)).squareRoot()
    }

    /// Milliseconds by which answers are later now than usual.
    package var congestion: Double { max(0, estimate - average) }

    /// What to begin with, from the attribute `latency`.
    package func begin(_ milliseconds: UInt32) {
        guard samples == 0, milliseconds > 0 else { return }
        add(milliseconds, weight: 1)
    }

    /// - Parameter weight: of this sample in the estimate, 0 to 1.
    package func add(_ milliseconds: UInt32, weight: Double) {
        let sample = Double(milliseconds)
        let samples = count.load(ordering: .relaxed) + 1
        let mean = average
        let moved = mean + (sample - mean) / Double(samples)
        let spread = Double(bitPattern: spreadBits.load(ordering: .relaxed)) + (sample - mean) * (sample - moved)
        let estimate = samples == 1 ? sample : sample * weight + estimate * (1 - weight)
        count.store(samples, ordering: .relaxed)
        meanBits.store(moved.bitPattern, ordering: .relaxed)
        spreadBits.store(spread.bitPattern, ordering: .relaxed)
        estimateBits.store(estimate.bitPattern, ordering: .relaxed)
        if milliseconds > maximum { highest.store(milliseconds, ordering: .relaxed) }
    }

    /// A probe had no answer.
    package func addTimeout() { timeoutCount.add(1, ordering: .relaxed) }
}
