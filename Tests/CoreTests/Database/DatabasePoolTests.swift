import Glibc
import PluginAPI
import Testing

@testable import Core

@Suite struct DatabasePoolTests {
    @Test func workOfOneKeyIsDoneInItsOrderAndOnePieceAtATime() throws {
        let database = FakeDatabase()
        let pool = try database.pool()
        for number in 0..<300 {
            // Key and place in one number.
            let key = Int64(number % 3 + 1)
            #expect(pool.isTaken(Ask.raw("append", key * 1000 + Int64(number), key: UInt64(key))) == nil)
        }
        pool.end()
        let numbers = database.state.withLock { $0.numbers }
        #expect(numbers.count == 300)
        for key in Int64(1)...3 {
            let own = numbers.filter { $0 / 1000 == key }
            #expect(own.count == 100 && own == own.sorted())
        }
        #expect(database.state.withLock { $0.overlaps } == 0)
        #expect(database.state.withLock { $0.open } == 0)
    }

    @Test func workOfDifferentKeysMeets() throws {
        let database = FakeDatabase()
        let pool = try database.pool()
        #expect(pool.isTaken(Ask.raw("meet", key: 1)) == nil)
        #expect(pool.answer(Ask.raw("meet", key: 2)).status == APUS_OK)
        pool.end()
    }

    @Test func aFullQueueRefuses() throws {
        let database = FakeDatabase()
        database.state.withLock { $0.gate = false }
        let statistics = Statistics()
        let pool = try database.pool(connections: 1, queue: 2, statistics: statistics)
        #expect(pool.isTaken(Ask.raw("gate")) == nil)
        #expect(until { pool.report.running == 1 })
        #expect(pool.isTaken(Ask.raw("append", 1, key: 9)) == nil)
        #expect(pool.isTaken(Ask.raw("append", 2, key: 9)) == nil)
        #expect(pool.isTaken(Ask.raw("append", 3))?.status == Int32(APUS_BUSY))
        #expect(pool.answer(Ask.raw("append", 4)).status == APUS_BUSY)
        #expect(pool.report.waiting == 2)
        database.state.withLock { $0.gate = true }
        pool.end()
        #expect(database.state.withLock { $0.numbers } == [1, 2])
        #expect(statistics.value(try #require(statistics.find("db", "refused"))) == 2)
        #expect(statistics.value(try #require(statistics.find("db", "done"))) == 3)
    }

    @Test func whoWaitsTooLongIsToldAndWhatHasNotBegunIsNotDone() throws {
        let database = FakeDatabase()
        database.state.withLock { $0.gate = false }
        let pool = try database.pool(connections: 1)
        #expect(pool.answer(Ask.raw("gate", milliseconds: 30)).status == APUS_TIMED_OUT)
        // The connection is still busy with it.
        #expect(pool.answer(Ask.raw("append", 1, milliseconds: 30)).status == APUS_TIMED_OUT)
        #expect(pool.report.running == 1 && pool.report.waiting == 1)
        database.state.withLock { $0.gate = true }
        #expect(pool.answer(Ask.raw("append", 2)).status == APUS_OK)
        #expect(database.state.withLock { $0.numbers } == [2])
        #expect(pool.report.running == 0 && pool.report.waiting == 0)
        pool.end()
    }

    @Test func aDatabaseThatIsDownRefusesAtOnceAndIsFoundAgain() throws {
        let database = FakeDatabase()
        database.state.withLock { $0.isUp = false }
        let pool = try database.pool()
        #expect(pool.report.phase == .new)
        let first = pool.answer(Ask.raw("append", 1))
        #expect(first.status == APUS_DB_DOWN && first.text == "nobody is there")
        #expect(pool.report.phase == .down && pool.report.reason == "nobody is there" && pool.report.seconds <= 1)
        let refusal = try #require(pool.isTaken(Ask.raw("append", 2)))
        #expect(refusal == DatabaseFault(APUS_DB_DOWN, "the database is down: nobody is there"))
        // Who waits plainly has it tried at once.
        #expect(pool.answer(Ask.raw("append", 3)).status == APUS_DB_DOWN)
        database.state.withLock { $0.isUp = true }
        #expect(until { pool.report.phase == .up })
        #expect(pool.isTaken(Ask.raw("append", 4)) == nil)
        #expect(pool.answer(Ask.raw("append", 5)).status == APUS_OK)
        pool.end()
        #expect(database.state.withLock { $0.numbers.sorted() } == [4, 5])
    }

    @Test func attemptsInBetweenDoNotPutOffTheNext() throws {
        let database = FakeDatabase()
        database.state.withLock { $0.isUp = false }
        let pool = try database.pool()
        for number in Int64(0)..<6 { #expect(pool.answer(Ask.raw("append", number)).status == APUS_DB_DOWN) }
        // Each of them doubling the pause, it would be half a minute.
        #expect(pool.report.seconds <= 4)
        pool.end()
    }

    @Test func aLostConnectionIsReplacedAndNothingIsDoneTwice() throws {
        let database = FakeDatabase()
        let statistics = Statistics()
        let pool = try database.pool(connections: 1, statistics: statistics)
        #expect(pool.answer(Ask.raw("append", 1)).status == APUS_OK)
        // Nothing of it was sent: it is done on another connection.
        #expect(pool.answer(Ask.raw("stale")).status == APUS_OK)
        #expect(database.state.withLock { $0.opened } == 2)
        let paged = Ask.raw("stale")
        paged.pointee.rows = 10
        paged.pointee.page = { _, _ in 1 }
        #expect(pool.answer(paged).status == APUS_OK)
        #expect(database.state.withLock { $0.opened } == 3)
        // It may have been done: whoever asked decides.
        let dead = pool.answer(Ask.raw("die"))
        #expect(dead.status == APUS_DB_DOWN && dead.text == "gone")
        #expect(database.log == ["stale", "stale", "die"])
        #expect(pool.answer(Ask.raw("append", 2)).status == APUS_OK)
        #expect(database.state.withLock { $0.opened } == 4 && database.state.withLock { $0.open } == 1)
        #expect(statistics.value(try #require(statistics.find("db", "lost"))) == 3)
        #expect(pool.report.phase == .up)
        pool.end()
    }

    /// A table of any size is read in pages: the time is that of a page, not of the statement.
    @Test func aStatementInPagesHasNoLimitOfItsOwn() throws {
        let database = FakeDatabase()
        let pool = try database.pool(milliseconds: 5000)
        #expect(pool.answer(Ask.raw("rows", 3)).status == APUS_OK)
        let paged = Ask.raw("rows", 30)
        paged.pointee.rows = 10
        paged.pointee.page = { _, _ in 1 }
        #expect(pool.answer(paged).status == APUS_OK)
        let limits = database.state.withLock { $0.limits }
        #expect(limits.count == 2 && limits[0] > 0 && limits[0] <= 5000 && limits[1] == 0)
        pool.end()
    }

    @Test func aFailureLeavesTheConnection() throws {
        let database = FakeDatabase()
        let pool = try database.pool(connections: 1)
        let answer = pool.answer(Ask.raw("fail"))
        #expect(answer.status == APUS_FAILED && answer.text == "the table is on fire")
        #expect(pool.answer(Ask.raw("append", 1)).status == APUS_OK)
        #expect(database.state.withLock { $0.opened } == 1)
        pool.end()
    }

    @Test func statementsArePreparedOnce() throws {
        let database = FakeDatabase()
        let pool = try database.pool(connections: 1)
        for number in 0..<10 { #expect(pool.answer(Ask.raw("append", Int64(number))).status == APUS_OK) }
        #expect(database.state.withLock { $0.prepared } == 1)
        // One that has failed is not kept.
        #expect(pool.answer(Ask.raw("fail")).status == APUS_FAILED)
        #expect(pool.answer(Ask.raw("fail")).status == APUS_FAILED)
        #expect(database.state.withLock { $0.prepared } == 3)
        pool.end()
    }

    @Test func severalRequestsAreATransaction() throws {
        let database = FakeDatabase()
        let pool = try database.pool(connections: 1)
        let deletion = Ask.empty(APUS_DB_DELETE)
        #expect(pool.answer(Ask.work([deletion, deletion])).status == APUS_OK)
        #expect(database.log == ["BEGIN", "DELETE FROM \"t\"", "DELETE FROM \"t\"", "COMMIT"])
        database.state.withLock { ($0.log, $0.failures) = ([], ["DELETE"]) }
        #expect(pool.answer(Ask.work([deletion, deletion])).status == APUS_DB_CONFLICT)
        #expect(database.log == ["BEGIN", "DELETE FROM \"t\"", "ROLLBACK"])
        // A connection on which it cannot be taken back is not used again.
        database.state.withLock { ($0.log, $0.failures) = ([], ["DELETE", "ROLLBACK"]) }
        #expect(pool.answer(Ask.work([deletion, deletion])).status == APUS_DB_CONFLICT)
        #expect(database.log == ["BEGIN", "DELETE FROM \"t\"", "ROLLBACK"])
        #expect(until { database.state.withLock { $0.opened } == 2 })
        pool.end()
        #expect(database.state.withLock { $0.open } == 0)
    }

    @Test func whatADriverCannotIsDoneInTwoSteps() throws {
        let database = FakeDatabase()
        let pool = try database.pool(connections: 1)
        var terms = [apus_db_term(), apus_db_term()]
        terms[0].column = apus_str("k")
        terms[1].column = apus_str("v")
        var key = apus_str("k")
        let insertion = "INSERT INTO \"t\" (\"k\", \"v\") VALUES (?, ?)"
        func ask(_ kind: Int) -> Int64 {
            database.state.withLock { $0.log = [] }
            return terms.withUnsafeBufferPointer { terms in
                withUnsafePointer(to: &key) { key in
                    var request = Ask.empty(kind)
                    (request.sets, request.set_count, request.keys, request.key_count) = (terms.baseAddress, 2, key, 1)
                    return pool.answer(Ask.work([request])).affected
                }
            }
        }
        #expect(ask(APUS_DB_UPSERT) == 1)
        #expect(database.log == ["BEGIN", "UPDATE \"t\" SET \"v\" = ? WHERE \"k\" IS NULL", insertion, "COMMIT"])
        database.state.withLock { $0.changes = 3 }
        #expect(ask(APUS_DB_UPSERT) == 3)
        #expect(database.log == ["BEGIN", "UPDATE \"t\" SET \"v\" = ? WHERE \"k\" IS NULL", "COMMIT"])
        #expect(ask(APUS_DB_REPLACE) == 1)
        #expect(database.log == ["BEGIN", "DELETE FROM \"t\" WHERE \"k\" IS NULL", insertion, "COMMIT"])
        pool.end()
    }

    @Test func whatIsPostedLastIsDoneBeforeTheEnd() throws {
        let database = FakeDatabase()
        let pool = try database.pool(connections: 2)
        for number in 0..<50 { #expect(pool.isTaken(Ask.raw("append", Int64(number))) == nil) }
        pool.quiesce(until: Syscalls.monotonicNanoseconds() + 20_000_000_000)
        #expect(database.state.withLock { $0.numbers.count } == 50)
        // From here on only who waits is served: modules that stop.
        #expect(pool.isTaken(Ask.raw("append", 50)) != nil)
        #expect(pool.answer(Ask.raw("append", 51)).status == APUS_OK)
        pool.end()
        #expect(pool.answer(Ask.raw("append", 52)).status == APUS_DB_DOWN)
    }

    @Test func aThreadThatDoesNotComeBackIsLeft() throws {
        let database = FakeDatabase()
        database.state.withLock { $0.gate = false }
        let pool = try database.pool(connections: 1)
        #expect(pool.isTaken(Ask.raw("gate")) == nil)
        #expect(until { pool.report.running == 1 })
        pool.quiesce(until: Syscalls.monotonicNanoseconds() + 20_000_000)
        pool.close(until: Syscalls.monotonicNanoseconds() + 20_000_000)
        #expect(pool.report.running == 1)
        database.state.withLock { $0.gate = true }
        #expect(until { pool.report.running == 0 })
    }
}
