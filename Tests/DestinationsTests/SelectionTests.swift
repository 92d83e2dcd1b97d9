import Testing

@testable import Destinations

@Suite struct SelectionTests {
    private let four = "1 sip:a\n1 sip:b\n1 sip:c\n1 sip:d"

    @Test func setsAndOrder() {
        let sets = Sets("2 sip:x\n1 sip:low 0 -1\n1 sip:one 0 5\n1 sip:two 0 5\n1 sip:none\n7 sip:y")
        #expect(sets.uris(1) == ["sip:one", "sip:two", "sip:none", "sip:low"])
        #expect(sets.uris(2) == ["sip:x"] && sets.uris(7) == ["sip:y"])
        #expect(sets.snapshot.find(3) == nil && sets.snapshot.find(-1) == nil && sets.snapshot.find(8) == nil)
        let reversed = Sets("1 sip:one 0 5\n1 sip:two 0 5\n1 sip:none") { $0.reversesEqual = true }
        #expect(reversed.uris() == ["sip:two", "sip:one", "sip:none"])
    }

    @Test func hashesNameSlots() {
        let sets = Sets(four)
        var known = Circumstances()
        for hash: UInt32 in [0, 1, 2, 3, 4, 7, 4_294_967_295] {
            known.hash = hash
            #expect(sets[1].choose(.from, known) == Int(hash % 4))
        }
    }

    @Test func theOthersFollowInTheirOrder() {
        let sets = Sets(four)
        var known = Circumstances()
        known.hash = 2
        #expect(sets.list(.callID, known) == [2, 3, 0, 1])
        #expect(sets.list(.callID, limit: 2, known) == [2, 3])
        #expect(sets.list(.callID, limit: 1, known) == [2])
        _ = sets.cell("sip:c").set(.inactive, .script, at: 0)
        #expect(sets.list(.callID, known) == [3, 0, 1])
        _ = sets.cell("sip:a").set(.disabled, .script, at: 0)
        #expect(sets.list(.callID, known) == [3, 1])
        _ = sets.cell("sip:d").set(.trying, .script, at: 0)
        #expect(sets.list(.first) == [1, 3])
        for uri in ["sip:b", "sip:d"] { _ = sets.cell(uri).set(.inactive, .script, at: 0) }
        for number: Int64 in [0, 4, 6, 8, 9, 10, 11, 13, 14, 15, 64] {
            #expect(sets.list(Algorithm(rawValue: number)!) == [], "\(number)")
        }
    }

    @Test func theLastResortIsLast() {
        let sets = Sets(four) { $0.usesDefault = true }
        #expect(sets.shares(.roundRobin, calls: 9) == [3, 3, 3, 0])
        #expect(sets.list(.first) == [0, 1, 2, 3])
        #expect(sets.list(.first, limit: 2) == [0, 3])
        #expect(sets.list(.first, limit: 1) == [0])
        for uri in ["sip:a", "sip:b", "sip:c"] { _ = sets.cell(uri).set(.inactive, .script, at: 0) }
        #expect(sets.list(.roundRobin) == [3])
        _ = sets.cell("sip:d").set(.inactive, .script, at: 0)
        #expect(sets.list(.roundRobin) == [])
        // A set of one has no last resort.
        #expect(Sets("1 sip:a") { $0.usesDefault = true }.list(.roundRobin) == [0])
    }

    @Test func roundRobinGoesOnBehindTheOneUsed() {
        let sets = Sets(four)
        #expect(sets[1].roundRobin() == 0)
        _ = sets.cell("sip:b").set(.inactive, .script, at: 0)
        #expect(sets[1].roundRobin() == 2)
        _ = sets.cell("sip:b").set([], .script, at: 0)
        #expect(sets[1].roundRobin() == 3)
        #expect(sets[1].roundRobin() == 0)
        sets.reload("1 sip:a\n1 sip:b")
        #expect(sets[1].roundRobin() == 1)
    }

    /// One more of N takes about one N+1st of the keys, and nothing else moves.
    @Test(arguments: [3, 10, 50]) func consistentHashesStay(count: Int) {
        let list = (1...count).map { "1 sip:gw\($0)" }
        let before = Sets(list.joined(separator: "\n"))
        // In the midst of the list.
        let after = Sets((list[..<1] + ["1 sip:new"] + list[1...]).joined(separator: "\n"))
        var known = Circumstances()
        known.isConsistent = true
        var moved = 0
        for key in 0..<10_000 {
            known.hash = UInt32(key)
            let one = before.uris()[before[1].choose(.callID, known)!]
            let other = after.uris()[after[1].choose(.callID, known)!]
            if one != other {
                moved += 1
                #expect(other == "sip:new")
            }
        }
        let expected = 10_000 / Double(count + 1)
        print("consistent hashing: \(moved) of 10000 keys moved to one more of \(count), expected \(expected)")
        #expect(abs(Double(moved) - expected) < 4 * expected.squareRoot())
    }

    @Test func keysOfOneThatIsDownAloneMove() {
        let sets = Sets(four)
        var known = Circumstances()
        known.isConsistent = true
        func places() -> [Int] {
            (0..<1000).map { key in
                known.hash = UInt32(key)
                return sets[1].choose(.callID, known)!
            }
        }
        let before = places()
        _ = sets.cell("sip:b").set(.inactive, .script, at: 0)
        let during = places()
        #expect(zip(before, during).allSatisfy { $0 == 1 ? $1 != 1 : $0 == $1 })
        _ = sets.cell("sip:b").set([], .script, at: 0)
        #expect(places() == before)
    }

    @Test func thresholds() {
        let sets = Sets("1 sip:a")
        let cell = sets.cell("sip:a")
        #expect(cell.fail(threshold: 3, probing: nil, .script, at: 1).after == .trying)
        #expect(cell.fail(threshold: 3, probing: nil, .script, at: 1).isTurn == false)
        let third = cell.fail(threshold: 3, probing: true, .noReply, at: 7)
        #expect(third.isTurn && third.after == [.inactive, .probing] && third.before == .trying)
        #expect(cell.lastChange == 7 && cell.lastCause == .noReply && cell.failureCount == 3)
        #expect(cell.fail(threshold: 3, probing: nil, .script, at: 8).after == [.inactive, .probing])
        #expect(cell.succeed(threshold: 2, probing: true, at: 9).after == [.inactive, .probing])
        let second = cell.succeed(threshold: 2, probing: false, at: 9)
        #expect(second.isTurn && second.after == [])
        // A success forgets failures.
        _ = cell.fail(threshold: 2, probing: nil, .noReply, at: 9)
        _ = cell.succeed(threshold: 1, probing: true, at: 9)
        #expect(cell.fail(threshold: 2, probing: nil, .noReply, at: 9).after == [.trying, .probing])
        // A failure forgets successes.
        _ = cell.set(.inactive, .script, at: 9)
        _ = cell.succeed(threshold: 2, probing: true, at: 9)
        _ = cell.fail(threshold: 1, probing: nil, .noReply, at: 9)
        #expect(cell.succeed(threshold: 2, probing: true, at: 9).after == .inactive)
        // Administrators alone end this.
        _ = cell.set(.disabled, .command, at: 9)
        #expect(cell.succeed(threshold: 1, probing: true, at: 9).after == .disabled)
        #expect(cell.fail(threshold: 1, probing: true, .noReply, at: 9).after == .disabled)
    }

    @Test func latencyFigures() {
        let latency = Latency()
        for sample: UInt32 in [10, 20, 30] { latency.add(sample, weight: 0.1) }
        let (average, deviation, maximum) = (latency.average, latency.deviation, latency.maximum)
        #expect(average == 20 && deviation == 10 && maximum == 30)
        let estimate = latency.estimate
        #expect(abs(estimate - 12.9) < 1e-9)
        var congestion = latency.congestion
        #expect(congestion == 0)
        latency.add(100, weight: 1)
        congestion = latency.congestion
        #expect(congestion == 60)
        latency.addTimeout()
        let timeouts = latency.timeouts
        #expect(timeouts == 1)
    }
}
