import Testing

@testable import Destinations

/// The shares that destinations get of 10,000 calls.
@Suite struct DistributionTests {
    private static let five = (1...5).map { "1 sip:gw\($0)" }.joined(separator: "\n")
    /// With 4 degrees of freedom chance goes beyond this once in 10,000 times. The numbers are the same in every run.
    private static let limit = 23.5

    private func report(_ name: String, _ counts: [Int], _ expected: [Double]) -> Double {
        let figure = chiSquare(counts, expected: expected)
        print("algorithm \(name): \(counts) of 10000, chi-square \(figure)")
        return figure
    }

    private let even = Array(repeating: 2000.0, count: 5)

    @Test func roundRobinIsExact() {
        let counts = Sets(DistributionTests.five).shares(.roundRobin)
        #expect(report("4", counts, even) == 0)
    }

    @Test func randomIsEven() {
        let counts = Sets(DistributionTests.five).shares(.random) { known, call in
            known.chance = Weights.mix(UInt64(call) &* 0x9e37_79b9_7f4a_7c15)
        }
        #expect(report("6", counts, even) < DistributionTests.limit)
    }

    @Test(arguments: [Algorithm.callID, .from, .to, .requestURI, .user, .text])
    func hashesAreAsEvenAsTheirValues(algorithm: Algorithm) {
        let counts = Sets(DistributionTests.five).shares(algorithm) { known, call in
            known.hash = UInt32(truncatingIfNeeded: Weights.mix(UInt64(call)))
        }
        #expect(report("\(algorithm.rawValue)", counts, even) < DistributionTests.limit)
    }

    @Test func consistentHashesAreEven() {
        let counts = Sets(DistributionTests.five).shares(.callID) { known, call in
            known.hash = UInt32(truncatingIfNeeded: call)
            known.isConsistent = true
        }
        #expect(report("0, consistent", counts, even) < DistributionTests.limit)
    }

    @Test func firstTakesAll() {
        let counts = Sets(DistributionTests.five).shares(.first)
        #expect(report("8", counts, [10_000, 0, 0, 0, 0]) == 0)
    }

    @Test func weightsAreExactInEachHundred() {
        let sets = Sets("1 sip:a 0 0 weight=50\n1 sip:b 0 0 weight=30\n1 sip:c 0 0 weight=20")
        for _ in 0..<99 { #expect(sets.shares(.weight, calls: 100) == [50, 30, 20]) }
        #expect(report("9", sets.shares(.weight), [5000, 3000, 2000]) == 0)
        // In no order that a caller could see.
        #expect(
            (0..<100).map { _ in sets[1].choose(.weight, Circumstances())! }
                != (0..<100).map { $0 < 50 ? 0 : $0 < 80 ? 1 : 2 })
    }

    @Test func missingWeightGoesToTheLastAndTooMuchIsLeftOut() {
        let few = Sets("1 sip:a 0 0 weight=10\n1 sip:b 0 0 weight=20\n1 sip:c")
        #expect(few.shares(.weight, calls: 100) == [10, 20, 70])
        let many = Sets("1 sip:a 0 0 weight=60\n1 sip:b 0 0 weight=60\n1 sip:c 0 0 weight=40")
        #expect(many.shares(.weight, calls: 100) == [60, 0, 40])
        let none = Sets("1 sip:a\n1 sip:b 0 0 weight=60")
        #expect(none.shares(.weight, calls: 100) == [100, 0])
    }

    @Test func relativeWeightsFollowStates() {
        let sets = Sets("1 sip:a 0 0 rweight=1\n1 sip:b 0 0 rweight=2\n1 sip:c 0 0 rweight=1")
        #expect(report("11", sets.shares(.relativeWeight), [2500, 5000, 2500]) == 0)
        _ = sets.cell("sip:c").set(.inactive, .script, at: 0)
        #expect(sets.shares(.relativeWeight, calls: 100) == [33, 67, 0])
        _ = sets.cell("sip:b").set(.disabled, .command, at: 0)
        #expect(sets.shares(.relativeWeight, calls: 100) == [100, 0, 0])
        _ = sets.cell("sip:b").set([], .command, at: 0)
        _ = sets.cell("sip:c").set([], .command, at: 0)
        #expect(sets.shares(.relativeWeight, calls: 100) == [25, 50, 25])
    }

    @Test func congestionTakesRelativeWeightAway() {
        let sets = Sets("1 sip:a 0 0 rweight=50;cc=1\n1 sip:b 0 0 rweight=50;cc=1")
        func load(_ uri: String, _ samples: [UInt32]) {
            let cell = sets.cell(uri)
            for sample in samples { cell.pointee.latency.add(sample, weight: 1) }
            sets[1].pointee.record.pointee.generation.add(1, ordering: .relaxed)
        }
        // Mean 20 + 25 of congestion, of which half the weight goes.
        load("sip:a", [20, 20, 20, 20, 20, 20, 20, 20, 20, 20])
        load("sip:b", [20, 20, 20, 20, 20, 20, 20, 20, 20, 20])
        func shares() -> [Int] { sets.shares(.relativeWeight, calls: 100) { known, _ in known.knowsLatency = true } }
        #expect(shares() == [50, 50])
        load("sip:a", [47])
        // (47 - 22.45) = 24 ms: 26 of 76 parts.
        #expect(shares() == [34, 66])
        // Both beyond their weights: by the inverse of congestion.
        load("sip:a", [400])
        load("sip:b", [210])
        let both = shares()
        #expect(both[0] < both[1] && both[0] > 10, "\(both)")
    }

    @Test func loadGoesWhereThereIsLeast() {
        let sets = Sets((1...5).map { "1 sip:gw\($0) 0 0 duid=d\($0)" }.joined(separator: "\n"))
        #expect(report("10", sets.shares(.load), even) == 0)
    }

    @Test func latencyLowersPriority() {
        let latencies: [UInt32] = [21, 91, 61, 19, 32, 0, 201]
        let list = latencies.enumerated().map { "1 sip:gw\($0.offset) 0 30 latency=\($0.element)" }
        let sets = Sets(list.joined(separator: "\n"))
        let counts = sets.shares(.latency) { known, _ in known.knowsLatency = true }
        let third = 10_000.0 / 3
        #expect(report("13", counts, [third, 0, 0, third, 0, third, 0]) < 0.01)
        // Without measurements priorities count as they are.
        #expect(sets.shares(.latency, calls: 700) == Array(repeating: 100, count: 7))
    }

    @Test func priorityRoundRobin() {
        let even = Sets("1 sip:a 0 5\n1 sip:b 0 5")
        #expect(report("14", even.shares(.priority), [5000, 5000]) == 0)
        #expect(Sets("1 sip:a 0 5\n1 sip:b 0 4").shares(.priority, calls: 10) == [10, 0])
        #expect(Sets("1 sip:a\n1 sip:b").shares(.priority, calls: 10) == [10, 0])
    }

    @Test func services() {
        let sets = Sets("1 sip:backup 0 20\n1 sip:a 0 10 weight=75\n1 sip:b 0 10 weight=25")
        let counts = sets.shares(.service) { known, call in known.chance = Weights.mix(UInt64(call)) }
        #expect(report("15", counts, [0, 7500, 2500]) < DistributionTests.limit)
        _ = sets.cell("sip:a").set(.inactive, .script, at: 0)
        #expect(sets.shares(.service, calls: 10) == [0, 0, 10])
        _ = sets.cell("sip:b").set(.inactive, .script, at: 0)
        #expect(sets.shares(.service, calls: 10) == [10, 0, 0])
        _ = sets.cell("sip:a").set([], .script, at: 0)
        _ = sets.cell("sip:b").set([], .script, at: 0)
        var known = Circumstances()
        known.chance = 80
        #expect(sets.list(.service, known) == [2, 1, 0])
    }

    @Test func overloadedOnesAreSpared() {
        let sets = Sets("1 sip:a\n1 sip:b")
        let cell = sets.cell("sip:a")
        let first = cell.pointee.overload.report(rate: 40, until: 100, sequence: 5, at: 0)
        #expect(first)
        // Round robin asks `a` once for each request that `b` took last.
        var counts = sets.shares(.overload) { known, _ in known.now = 99 }
        #expect(counts[0] + counts[1] == 10_000)
        let asked = Double(cell.pointee.overload.lastPlace)
        #expect(abs(Double(counts[0]) - asked * 0.6) < 100, "\(counts) \(asked)")
        print("algorithm 64: \(counts) of 10000 with 40 percent to spare at the first")
        // Older reports, and a time that is over.
        let second = cell.pointee.overload.report(rate: 0, until: 0, sequence: 5, at: 0)
        #expect(!second)
        counts = sets.shares(.overload, calls: 10) { known, _ in known.now = 100 }
        #expect(counts == [5, 5])
        let third = cell.pointee.overload.report(rate: 100, until: 200, sequence: 6, at: 0)
        #expect(third)
        #expect(sets.shares(.overload, calls: 10) == [0, 10])
    }
}
