import Glibc
import Synchronization
import Testing

@testable import Core

/// A posted object, its node first.
private struct Letter {
    var node: MailNode
    var poster: Int
    var number: Int
}

private final class Posting: Sendable {
    let box: Mailbox
    let poster: Int
    let count: Int
    let refused = Atomic<Int>(0)
    init(_ box: Mailbox, _ poster: Int, _ count: Int) {
        self.box = box
        self.poster = poster
        self.count = count
    }
}

/// The loop watches for edges; poll does not.
private func drain(_ box: Mailbox) {
    var count: UInt64 = 0
    _ = Syscalls.read(box.wakeup, &count, 8)
}

private func letter(_ poster: Int, _ number: Int) -> UnsafeMutablePointer<Letter> {
    let letter = UnsafeMutablePointer<Letter>.allocate(capacity: 1)
    letter.initialize(to: Letter(node: MailNode { _, _ in }, poster: poster, number: number))
    return letter
}

private func node(_ letter: UnsafeMutablePointer<Letter>) -> UnsafeMutablePointer<MailNode> {
    UnsafeMutableRawPointer(letter).assumingMemoryBound(to: MailNode.self)
}

private func letter(_ node: UnsafeMutablePointer<MailNode>) -> UnsafeMutablePointer<Letter> {
    UnsafeMutableRawPointer(node).assumingMemoryBound(to: Letter.self)
}

@Suite struct MailboxTests {
    @Test func keepsEachLanesOrder() throws {
        let box = try Mailbox(bound: 10)
        defer { box.free() }
        for i in 0..<5 {
            box.post(node(letter(0, i)))
            #expect(box.handOver(node(letter(1, i))))
        }
        for (poster, list) in [(0, box.takeUrgent()), (1, box.takeHandOvers())] {
            var rest = list
            #expect(rest.count == 5)
            for i in 0..<5 {
                let oldest = rest.removeFirst()
                let found = letter(try #require(oldest))
                #expect(found.pointee.poster == poster && found.pointee.number == i)
                found.deallocate()
            }
            #expect(rest.isEmpty && rest.last == nil)
        }
        #expect(box.takeUrgent().isEmpty && box.takeHandOvers().isEmpty)
    }

    @Test func refusesHandOversBeyondTheBoundOnly() throws {
        let box = try Mailbox(bound: 2)
        defer { box.free() }
        let letters = (0..<4).map { letter(0, $0) }
        defer { for letter in letters { letter.deallocate() } }
        #expect(box.handOver(node(letters[0])))
        #expect(box.handOver(node(letters[1])))
        #expect(!box.handOver(node(letters[2])))
        box.post(node(letters[3]))
        #expect(box.pendingHandOvers == 2)
        #expect(box.takeHandOvers().count == 2)
        #expect(box.handOver(node(letters[2])))
        #expect(box.takeHandOvers().count == 1)
        #expect(box.takeUrgent().count == 1)
    }

    @Test func wakesOnlyASleeper() throws {
        let box = try Mailbox(bound: 2)
        defer { box.free() }
        let letters = (0..<4).map { letter(0, $0) }
        defer { for letter in letters { letter.deallocate() } }
        func isRung() -> Bool {
            var poll = pollfd(fd: box.wakeup, events: Int16(POLLIN), revents: 0)
            return Glibc.poll(&poll, 1, 0) == 1
        }
        box.post(node(letters[0]))
        #expect(!isRung())
        #expect(!box.fallAsleep())
        #expect(box.takeUrgent().count == 1)
        #expect(box.fallAsleep())
        #expect(box.handOver(node(letters[1])))
        #expect(isRung())
        drain(box)
        box.wakeUp()
        box.post(node(letters[2]))
        #expect(!isRung())
        #expect(box.takeUrgent().count == 1)
        #expect(!box.fallAsleep())
        #expect(box.takeHandOvers().count == 1)
        #expect(box.fallAsleep())
        box.giveBack(node(letters[0]))
        #expect(!isRung())
        box.wakeUp()
        box.post(node(letters[3]))
        #expect(!isRung())
        #expect(box.takeReturns().count == 1)
        #expect(box.takeReturns().isEmpty)
    }

    /// Four threads post on both lanes, one reads and sleeps in between: nothing is lost, each poster's order holds.
    @Test func losesNothingAmongThreads() throws {
        let box = try Mailbox(bound: 64)
        let posters = (0..<4).map { Posting(box, $0, 20_000) }
        var threads: [pthread_t] = []
        for posting in posters {
            var thread = pthread_t()
            let made = pthread_create(
                &thread, nil,
                { raw in
                    let posting = Unmanaged<Posting>.fromOpaque(raw!).takeUnretainedValue()
                    for number in 0..<posting.count {
                        if number % 2 == 0 {
                            posting.box.post(node(letter(posting.poster, number)))
                        } else {
                            let mine = letter(posting.poster, number)
                            while !posting.box.handOver(node(mine)) {
                                posting.refused.add(1, ordering: .relaxed)
                                sched_yield()
                            }
                        }
                    }
                    return nil
                }, Unmanaged.passUnretained(posting).toOpaque())
            #expect(made == 0)
            threads.append(thread)
        }
        var next = [[0, 1], [0, 1], [0, 1], [0, 1]]
        var taken = 0
        while taken < 80_000 {
            if box.fallAsleep() {
                var poll = pollfd(fd: box.wakeup, events: Int16(POLLIN), revents: 0)
                #expect(Glibc.poll(&poll, 1, 20_000) == 1)
                drain(box)
                box.wakeUp()
            }
            for (lane, list) in [(0, box.takeUrgent()), (1, box.takeHandOvers())] {
                var rest = list
                while let got = rest.removeFirst() {
                    let found = letter(got)
                    #expect(found.pointee.number == next[found.pointee.poster][lane])
                    next[found.pointee.poster][lane] += 2
                    taken += 1
                    found.deallocate()
                }
            }
        }
        for thread in threads { pthread_join(thread, nil) }
        #expect(box.takeUrgent().isEmpty && box.takeHandOvers().isEmpty)
        box.free()
    }
}

@Suite struct StatisticsTests {
    @Test func sumsShardsAndKeepsCountingThroughAReset() throws {
        let statistics = Statistics()
        let a = try #require(statistics.declare("core", "rcv_requests", "Requests received."))
        let b = try #require(statistics.declare("core", "open", kind: .gauge))
        #expect(statistics.declare("core", "rcv_requests") == a)
        #expect(statistics.find("core", "open") == b)
        #expect(statistics.find("core", "other") == nil)
        let shards = [statistics.makeShard(), statistics.makeShard()]
        shards[0].bump(a)
        shards[1].bump(a, by: 5)
        statistics.bump(a, by: 2)
        #expect(statistics.value(a) == 8)
        statistics.reset(a)
        shards[0].bump(a, by: 3)
        #expect(statistics.value(a) == 11)
        #expect(statistics.valueSinceReset(a) == 3)
        shards[0].bump(b, by: 4)
        shards[1].bump(b, by: -3)
        statistics.reset(b, to: -7)
        #expect(statistics.value(b) == 1 && statistics.valueSinceReset(b) == UInt64(bitPattern: -7))
        #expect(statistics.all.map(\.description.name) == ["rcv_requests", "open"])
    }

    @Test func isFoundByAnySpelling() throws {
        let statistics = Statistics()
        let first = try #require(statistics.declare("one", "rcv_requests"))
        let second = try #require(statistics.declare("two-b", "rcv-requests"))
        let third = try #require(statistics.declare("one", "a.b"))
        func find(_ text: String) -> StatisticID? { statistics.find(spelled: Bytes(permanent: text)) }
        for text in ["rcv_requests", "rcv-requests", "one:rcv_requests", "one.rcv-requests"] {
            #expect(find(text) == first)
        }
        for text in ["two-b:rcv-requests", "two_b.rcv_requests"] { #expect(find(text) == second) }
        for text in ["a.b", "one:a.b", "one.a.b"] { #expect(find(text) == third) }
        for text in ["", "one", ":", "one:", "three:rcv_requests", "one_rcv_requests", "a:b", "one:a:b"] {
            #expect(find(text) == nil, "\(text)")
        }
    }

    @Test func computesWhenRead() throws {
        let statistics = Statistics()
        let id = try #require(statistics.declare("core", "seven", kind: .computed { 7 }))
        #expect(statistics.value(id) == 7)
    }

    @Test func isBounded() {
        let statistics = Statistics()
        for i in 0..<Statistics.capacity { #expect(statistics.declare("g", "\(i)") != nil) }
        for i in 0..<Statistics.capacity {
            for text in ["\(i)", "g.\(i)"] {
                #expect(statistics.find(spelled: Bytes(permanent: text))?.index == UInt32(i))
            }
        }
        #expect(statistics.find(spelled: Bytes("g:more")) == nil)
        #expect(statistics.declare("g", "more") == nil)
        #expect(statistics.declare("g", "0") != nil)
    }
}
