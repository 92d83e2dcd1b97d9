import Glibc
import PluginKit
import Testing

@testable import Destinations

@Suite struct CallLoadTests {
    private let three = "1 sip:a 0 0 duid=a\n1 sip:b 0 0 duid=b\n1 sip:c 0 0 duid=c"

    private func loads(_ sets: Sets) -> [Int] {
        (0..<sets[1].pointee.count).map { sets[1][$0].pointee.cell.load }
    }

    @Test func leastFirst() {
        let sets = Sets(three)
        let record = sets[1].pointee.record
        for _ in 0..<7 { _ = sets[1].choose(.load, Circumstances()) }
        #expect(loads(sets).sorted() == [2, 2, 3])
        for _ in 0..<2 { record.give(sets.cell("sip:b")) }
        let before = loads(sets)[1]
        #expect(sets[1].choose(.load, Circumstances()) == 1 && loads(sets)[1] == before + 1)
    }

    @Test func limitsAndStates() {
        let sets = Sets("1 sip:a 0 0 duid=a;maxload=2\n1 sip:b 0 0 duid=b;maxload=1\n1 sip:loose")
        let record = sets[1].pointee.record
        #expect(sets.shares(.load, calls: 5) == [2, 1, 0])
        #expect(!record.take(sets.cell("sip:a")))
        record.give(sets.cell("sip:b"))
        _ = sets.cell("sip:b").set(.inactive, .script, at: 0)
        #expect(sets[1].choose(.load, Circumstances()) == nil)
        _ = sets.cell("sip:b").set(.trying, .script, at: 0)
        #expect(sets[1].choose(.load, Circumstances()) == 1)
        sets.reload("1 sip:a 0 0 duid=a;maxload=3\n1 sip:b 0 0 duid=b")
        #expect(loads(sets) == [2, 1])
        #expect(sets.shares(.load, calls: 4) == [1, 3])
    }

    @Test func reloadsKeepCountsAndRemovedOnesDrain() {
        let sets = Sets(three)
        _ = sets.shares(.load, calls: 6)
        let gone = sets.cell("sip:b")
        gone.retain()
        let record = gone.pointee.record
        sets.reload("1 sip:a 0 0 duid=a\n1 sip:c 0 0 duid=c\n1 sip:d 0 0 duid=d")
        #expect(loads(sets) == [2, 2, 0] && gone.load == 2)
        record.give(gone)
        record.give(gone)
        #expect(gone.load == 0)
        #expect(sets.shares(.load, calls: 2) == [0, 0, 2])
        gone.release()
    }

    /// Workers that have the new snapshot while the order is still that of the old one, and the other way round.
    /// Of several with equally many calls the one that has had them for the longest time is next, after a reload, too.
    @Test func turnsOutliveReloads() {
        let list = "1 sip:a 0 0 duid=a\n1 sip:b 0 0 duid=b\n1 sip:c 0 0 duid=c\n"
        let sets = Sets(list)
        #expect(sets[1].choose(.load, Circumstances()) == 0)
        let first = sets.cell("sip:a")
        first.pointee.record.give(first)
        // a has no call again, and is behind b and c now.
        sets.reload(list + "1 sip:d 0 0 duid=d\n") { _, made in
            // Those who see the one or the other set count on the same.
            #expect(made.find(1)!.choose(.load, Circumstances()) == 1)
            #expect(sets[1].choose(.load, Circumstances()) == 2)
        }
        #expect((0..<2).map { _ in sets[1].choose(.load, Circumstances()) } == [0, 3])
        #expect(loads(sets) == [1, 1, 1, 1])
    }

    /// One who still sees the last but one set, whose order is gone.
    @Test func thirdsChooseWithoutAnOrder() {
        let list = "1 sip:a 0 0 duid=a\n1 sip:b 0 0 duid=b\n"
        let sets = Sets(list)
        sets.reload(list) { first, second in
            let record = first.find(1)!.pointee.record
            second.find(1)!.pointee.record.adopt(second.find(1)!)
            #expect(record.takeLeast(first.pointee.version).isCurrent == false)
            #expect(first.find(1)!.choose(.load, Circumstances()) == 0)
            #expect(second.find(1)!.choose(.load, Circumstances()) == 1)
        }
        #expect(loads(sets) == [1, 1])
    }

    @Test func countsAreExactBetweenSnapshots() {
        let sets = Sets(three)
        _ = sets.shares(.load, calls: 3)
        sets.reload("1 sip:c 0 0 duid=c\n1 sip:d 0 0 duid=d") { old, new in
            let set = new.find(1)!
            #expect(set.choose(.load, Circumstances()) == 1)
            #expect(set[1].pointee.cell.load == 1)
            #expect(old.find(1)!.choose(.load, Circumstances()) != nil)
        }
        let all = loads(sets).reduce(0, +)
        #expect(all == 2 || all == 3)
        for index in 0..<2 {
            let cell = sets[1][index].pointee.cell
            while cell.load > 0 { sets[1].pointee.record.give(cell) }
        }
        #expect(sets.shares(.load, calls: 4) == [2, 2])
    }

    /// Four threads begin, move and end calls while states change and sets are replaced.
    @Test func countsAreExactUnderConcurrency() throws {
        let sets = Sets((0..<16).map { "1 sip:gw\($0) 0 0 duid=d\($0)" }.joined(separator: "\n"))
        let record = sets[1].pointee.record
        nonisolated(unsafe) let set = sets[1]
        nonisolated(unsafe) let shared = record
        let threads = (0..<4).map { seed in
            Work {
                var state = UInt64(seed)
                var mine: [CellRef] = []
                for turn in 0..<30_000 {
                    state = Weights.mix(state &+ UInt64(turn))
                    if state % 2 == 0 || mine.isEmpty {
                        if let index = set.choose(.load, Circumstances()) { mine.append(set[index].pointee.cell) }
                    } else {
                        shared.give(mine.remove(at: Int(state >> 8) % mine.count))
                    }
                    if state % 64 == 3 {
                        _ = set[Int(state >> 16) % 16].pointee.cell.set(
                            state % 128 < 64 ? .inactive : [], .script, at: 0)
                    }
                }
                for cell in mine { shared.give(cell) }
            }
        }
        for thread in threads { thread.join() }
        #expect(loads(sets).allSatisfy { $0 == 0 }, "\(loads(sets))")
        for index in 0..<16 { _ = set[index].pointee.cell.set([], .script, at: 0) }
        #expect(sets.shares(.load, calls: 160) == Array(repeating: 10, count: 16))
    }

    @Test func callsByTheirID() {
        let sets = Sets(three)
        var table = CallTable(bits: 2)
        func id(_ text: String) -> UnsafeBufferPointer<UInt8> {
            let bytes = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: text.utf8.count)
            _ = bytes.initialize(from: text.utf8)
            return UnsafeBufferPointer(bytes)
        }
        func begin(_ text: String, until deadline: UInt64) {
            let cell = sets[1][sets[1].choose(.load, Circumstances())!].pointee.cell
            cell.retain()
            let memory = UnsafeMutableRawPointer.allocate(
                byteCount: CallTable.size(idLength: text.utf8.count), alignment: 16)
            table.insert(id(text), in: memory, on: cell, until: deadline)
        }
        func end(_ entry: CallTable.EntryRef) {
            table.remove(entry)
            UnsafeMutableRawPointer(entry).deallocate()
        }
        for number in 0..<20 { begin("call\(number)", until: UInt64(100 + number)) }
        #expect(table.count == 20 && loads(sets).reduce(0, +) == 20)
        #expect(table.find(id("call20")) == nil && table.find(id("call1")) != nil)
        table.confirm(table.find(id("call3"))!, until: 500)
        table.confirm(table.find(id("call3"))!, until: 1)
        let moved = table.find(id("call4"))!
        let target = sets.cell("sip:c")
        let (before, old) = (target.load, moved.pointee.cell)
        #expect(sets[1].pointee.record.take(target))
        target.retain()
        table.move(moved, to: target)
        #expect(target.load == (old == target ? before : before + 1) && loads(sets).reduce(0, +) == 20)
        end(table.find(id("call5"))!)
        #expect(table.find(id("call5")) == nil && table.count == 19)
        #expect(table.expired(at: 99) == nil)
        var ended = 0
        while let entry = table.expired(at: 110) {
            end(entry)
            ended += 1
        }
        #expect(ended == 9 && loads(sets).reduce(0, +) == 10)
        while let entry = table.expired(at: 499) { end(entry) }
        #expect(table.count == 1)
        while let entry = table.expired(at: 500) { end(entry) }
        #expect(loads(sets) == [0, 0, 0])
    }
}

/// A thread of its own.
private final class Work: @unchecked Sendable {
    private var thread = pthread_t()

    init(_ body: @escaping @Sendable () -> Void) {
        let box = Unmanaged.passRetained(Box(body))
        pthread_create(
            &thread, nil,
            { raw in
                Unmanaged<Box>.fromOpaque(raw!).takeRetainedValue().body()
                return nil
            }, box.toOpaque())
    }

    func join() { pthread_join(thread, nil) }

    private final class Box {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
}
