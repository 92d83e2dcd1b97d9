import Glibc
import PluginAPI
import Synchronization

@testable import Core

/// A database that does what a test says: its SQL is words of this test. The url is `fake://NAME`.
///
///     append <n>   writes n down, which is of key n / 1000; gate         waits until the test opens the gate
///     meet         until two of them are there        fail         the database says no
///     die          the connection is lost at it       stale        the connection was lost before, unless it is new
///     rows <n>     n rows of number and text          else         written down, no rows; "INSERT" in it: 1 row changed
final class FakeDatabase: Sendable {
    struct State {
        var isUp = true
        var gate = true
        var meeting = 0
        var numbers: [Int64] = []
        var log: [String] = []
        var prepared = 0
        var opened = 0
        var open = 0
        /// Keys of which a number is being written down, and how often there were two of one.
        var busy: Set<Int64> = []
        var overlaps = 0
        /// Milliseconds that each statement was given.
        var limits: [UInt32] = []
        /// Rows that "UPDATE" and others change.
        var changes: Int64 = 0
        /// What statements begin with that fail.
        var failures: [String] = []
    }

    let state = Mutex(State())
    let name: String

    private static let all = Mutex<[String: FakeDatabase]>([:])
    private static let count = Atomic<Int>(0)

    init() {
        name = "db\(FakeDatabase.count.add(1, ordering: .relaxed).newValue)"
        FakeDatabase.all.withLock { $0[name] = self }
    }

    static func named(_ name: String) -> FakeDatabase? { all.withLock { $0[name] } }

    func pool(
        flags: Int = 0, connections: Int = 4, queue: Int = 1024, milliseconds: UInt32 = 20_000,
        statistics: Statistics = Statistics()
    ) throws -> DatabasePool {
        let driver = UnsafeMutablePointer<apus_db_driver>.allocate(capacity: 1)
        driver.initialize(to: FakeDatabase.driver(flags))
        let host = UnsafePointer<apus_host>(bitPattern: 16)!
        return DatabasePool(
            driver, host, try DatabaseURL(Array("fake://\(name)".utf8)), owner: ("test", host),
            limits: DatabasePool.Limits(connections: connections, queue: queue, milliseconds: milliseconds),
            counters: DatabaseCounters(statistics)!)
    }

    var log: [String] { state.withLock { $0.log } }

    /// Waits until the test allows it.
    func wait(_ condition: (inout State) -> Bool) { _ = until { state.withLock { condition(&$0) } } }

    private static func driver(_ flags: Int) -> apus_db_driver {
        apus_db_driver(
            size: UInt32(MemoryLayout<apus_db_driver>.size), flags: UInt32(flags),
            scheme: UnsafeRawPointer(("fake" as StaticString).utf8Start).assumingMemoryBound(to: CChar.self),
            begin: nil,
            open: { _, url, _, fault in
                guard let database = FakeDatabase.named(url.pointee.host.string),
                    database.state.withLock({ state in
                        if state.isUp { (state.opened, state.open) = (state.opened + 1, state.open + 1) }
                        return state.isUp
                    })
                else {
                    apus_db_fail(fault, Int32(APUS_DB_DOWN), "nobody is there")
                    return nil
                }
                return Unmanaged.passRetained(FakeConnection(database)).toOpaque()
            },
            close: { connection in
                let connection = Unmanaged<FakeConnection>.fromOpaque(connection).takeRetainedValue()
                connection.database.state.withLock { $0.open -= 1 }
            },
            prepare: { connection, sql, _ in
                let connection = Unmanaged<FakeConnection>.fromOpaque(connection).takeUnretainedValue()
                connection.database.state.withLock { $0.prepared += 1 }
                return Unmanaged.passRetained(FakeStatement(connection, sql.string)).toOpaque()
            },
            execute: { statement, values, count, milliseconds, fault in
                FakeStatement.of(statement).connection.database.state.withLock { $0.limits.append(milliseconds) }
                return FakeStatement.of(statement).execute(UnsafeBufferPointer(start: values, count: Int(count)), fault)
            },
            step: { statement, _ in
                let statement = FakeStatement.of(statement)
                if statement.left == 0 { return 0 }
                statement.left -= 1
                return 1
            },
            columns: { FakeStatement.of($0).hasRows ? 2 : 0 },
            name: { _, column in column == 0 ? apus_str("number") : apus_str("text") },
            value: { statement, column, out in
                if column == 0 {
                    out.pointee = apus_db_number(UInt32(APUS_DB_INT), Int64(FakeStatement.of(statement).left))
                } else {
                    out.pointee = apus_db_text(apus_str("some text"))
                }
            },
            end: { FakeStatement.of($0).left = 0 },
            finish: { Unmanaged<FakeStatement>.fromOpaque($0).release() },
            outcome: { connection, affected, id in
                let connection = Unmanaged<FakeConnection>.fromOpaque(connection).takeUnretainedValue()
                affected.pointee = connection.affected
                id.pointee = 7
            })
    }
}

private final class FakeConnection {
    let database: FakeDatabase
    var isNew = true
    var affected: Int64 = 0
    init(_ database: FakeDatabase) { self.database = database }
}

private final class FakeStatement {
    let connection: FakeConnection
    let sql: String
    var left = 0
    var hasRows = false

    init(_ connection: FakeConnection, _ sql: String) {
        self.connection = connection
        self.sql = sql
    }

    static func of(_ pointer: UnsafeMutableRawPointer) -> FakeStatement {
        Unmanaged<FakeStatement>.fromOpaque(pointer).takeUnretainedValue()
    }

    func execute(
        _ values: UnsafeBufferPointer<apus_db_value>, _ fault: UnsafeMutablePointer<apus_db_fault>
    ) -> CInt {
        let database = connection.database
        let wasNew = connection.isNew
        connection.isNew = false
        connection.affected = 0
        let number = values.first?.num ?? 0
        switch sql {
        case "append":
            let key = number / 1000
            database.state.withLock { if !$0.busy.insert(key).inserted { $0.overlaps += 1 } }
            sched_yield()
            database.state.withLock { state in
                state.numbers.append(number)
                state.busy.remove(key)
            }
        case "gate": database.wait { $0.gate }
        case "meet":
            database.state.withLock { $0.meeting += 1 }
            database.wait { $0.meeting >= 2 }
        case "fail": return fail(fault, APUS_FAILED, "the table is on fire")
        case "die":
            database.state.withLock { $0.log.append(sql) }
            return fail(fault, APUS_DB_DOWN, "gone")
        case "stale" where !wasNew: return fail(fault, APUS_DB_UNSENT, "gone before")
        case "rows":
            hasRows = true
            left = Int(number)
        default:
            let failures = database.state.withLock { state in
                state.log.append(sql)
                return state.failures
            }
            if failures.contains(where: sql.hasPrefix) { return fail(fault, APUS_DB_CONFLICT, "it is there") }
            connection.affected = sql.hasPrefix("INSERT") ? 1 : database.state.withLock { $0.changes }
        }
        return 1
    }

    private func fail(_ fault: UnsafeMutablePointer<apus_db_fault>, _ status: Int, _ text: String) -> CInt {
        apus_db_fail(fault, Int32(status), text)
        return -1
    }
}

/// Requests of tests.
enum Ask {
    /// A raw statement of one number.
    static func raw(
        _ sql: StaticString, _ number: Int64 = 0, key: UInt64 = 0, milliseconds: UInt32 = 0
    ) -> UnsafeMutablePointer<DatabaseWork> {
        var value = apus_db_number(UInt32(APUS_DB_INT), number)
        return withUnsafePointer(to: &value) { value in
            var request = empty(APUS_DB_RAW)
            request.sql = apus_str(sql)
            request.values = value
            request.value_count = 1
            return work([request], key: key, milliseconds: milliseconds)
        }
    }

    /// The elements at a place of their own, for as long as tests run.
    static func keep<Element>(_ elements: [Element]) -> UnsafePointer<Element> {
        let place = UnsafeMutablePointer<Element>.allocate(capacity: elements.count)
        place.initialize(from: elements, count: elements.count)
        return UnsafePointer(place)
    }

    static func empty(_ kind: Int) -> apus_db_request {
        var request = apus_db_request()
        request.size = UInt32(MemoryLayout<apus_db_request>.size)
        request.kind = UInt32(kind)
        request.table = apus_str("t")
        return request
    }

    static func work(
        _ requests: [apus_db_request], key: UInt64 = 0, milliseconds: UInt32 = 0
    ) -> UnsafeMutablePointer<DatabaseWork> {
        requests.withUnsafeBufferPointer { requests in
            var work = apus_db_work(
                size: UInt32(MemoryLayout<apus_db_work>.size), count: UInt32(requests.count),
                requests: requests.baseAddress!, key: key, milliseconds: milliseconds, reserved: 0)
            return withUnsafePointer(to: &work) { .make($0) }
        }
    }
}

extension DatabasePool {
    /// Waits for a work: status, rows, changed rows and text.
    func answer(
        _ work: UnsafeMutablePointer<DatabaseWork>
    ) -> (status: Int, rows: Int, affected: Int64, text: String) {
        let (status, result) = wait(work)
        defer { result.free() }
        let facts = result.facts.pointee
        return (Int(status), Int(facts.row_count), facts.affected, facts.text.string)
    }

    /// Posts a work that nobody wants to hear of.
    func isTaken(_ work: UnsafeMutablePointer<DatabaseWork>) -> DatabaseFault? {
        guard case .refused(let fault) = post(work) else { return nil }
        work.free()
        return fault
    }

    func end() { close(until: Syscalls.monotonicNanoseconds() + 20_000_000_000) }
}
