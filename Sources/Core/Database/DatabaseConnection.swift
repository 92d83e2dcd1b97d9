import PluginAPI

// Invariants: on one thread of its pool at a time. `raw` is the driver's until `close`; every statement is one of it and is finished before.

/// A connection of a driver, with the statements that were prepared on it.
final class DatabaseConnection {
    private let driver: UnsafePointer<apus_db_driver>
    private let raw: UnsafeMutableRawPointer
    private var statements: [[UInt8]: Statement] = [:]
    private var turn = 0
    /// A transaction could not be taken back: it must not be used any more.
    private(set) var isBroken = false

    /// Statements that are kept; beyond it the one that was not used for longest is given up.
    private static let limit = 64

    private struct Statement {
        let raw: UnsafeMutableRawPointer
        var used: Int
    }

    /// Where the rows of a statement go.
    private struct Rows {
        var result: UnsafeMutablePointer<DatabaseResult>
        var work: UnsafeMutablePointer<DatabaseWork>?
        /// Whether the reading is to go on.
        var turnPage: ((UnsafeMutablePointer<DatabaseResult>) -> Bool)?
    }

    init(
        _ driver: UnsafePointer<apus_db_driver>, _ host: UnsafePointer<apus_host>, _ url: DatabaseURL,
        milliseconds: UInt32
    ) throws(DatabaseFault) {
        self.driver = driver
        raw = try DatabaseFault.make { fault in
            url.withDriverURL { driver.pointee.open(host, $0, milliseconds, fault) }
        }
    }

    func close() {
        for statement in statements.values { driver.pointee.finish(statement.raw) }
        statements = [:]
        driver.pointee.close(raw)
    }

    /// Does all requests of a work, or none.
    /// - Parameter turnPage: takes a page of the work; false: enough.
    func perform(
        _ work: UnsafeMutablePointer<DatabaseWork>, turnPage: @escaping (UnsafeMutablePointer<DatabaseResult>) -> Bool
    ) throws(DatabaseFault) -> UnsafeMutablePointer<DatabaseResult> {
        var plans: [SQLText.Plan] = []
        for request in work.pointee.requests { plans.append(try SQLText.plan(request, flags: driver.pointee.flags)) }
        // Whoever asks for nothing wants to know whether there is a connection.
        guard let last = plans.last else { return .make() }
        if plans.count == 1, case .one(let text) = last {
            return try run(text, work, turnPage: work.pointee.rows > 0 ? turnPage : nil)
        }
        try free(run(.words(driver.pointee.begin.map { String(cString: $0) } ?? "BEGIN"), work))
        do throws(DatabaseFault) {
            var result: UnsafeMutablePointer<DatabaseResult>?
            for plan in plans {
                result?.free()
                result = nil
                result = try run(plan, work)
            }
            do throws(DatabaseFault) { try free(run(.words("COMMIT"), work)) } catch {
                result?.free()
                throw error
            }
            return result ?? .make()
        } catch {
            if !error.isLost { takeBack(work) }
            // Nothing of it stays, but what has reached the database may have been committed.
            throw error.status == Int32(APUS_DB_UNSENT) ? DatabaseFault(APUS_DB_DOWN, error.text) : error
        }
    }

    private func takeBack(_ work: UnsafeMutablePointer<DatabaseWork>) {
        do throws(DatabaseFault) { try free(run(.words("ROLLBACK"), nil)) } catch { isBroken = true }
    }

    private func free(_ result: UnsafeMutablePointer<DatabaseResult>) { result.free() }

    private func run(
        _ plan: SQLText.Plan, _ work: UnsafeMutablePointer<DatabaseWork>
    ) throws(DatabaseFault) -> UnsafeMutablePointer<DatabaseResult> {
        switch plan {
        case .one(let text): return try run(text, work)
        case .both(let first, let second):
            try free(run(first, work))
            return try run(second, work)
        case .firstElse(let first, let second):
            let result = try run(first, work)
            if result.facts.pointee.affected > 0 { return result }
            result.free()
            return try run(second, work)
        }
    }

    /// One statement.
    /// - Parameter work: whose time it takes; nil: as long as it likes.
    private func run(
        _ text: SQLText, _ work: UnsafeMutablePointer<DatabaseWork>?,
        turnPage: ((UnsafeMutablePointer<DatabaseResult>) -> Bool)? = nil
    ) throws(DatabaseFault) -> UnsafeMutablePointer<DatabaseResult> {
        let left = try DatabaseConnection.timeLeft(work)
        let statement = try prepared(text.bytes)
        var rows = Rows(result: .make(), work: work, turnPage: turnPage)
        do throws(DatabaseFault) {
            // Page by page its time begins anew, which only the pool can know: whoever waits for one that does not come goes away.
            try execute(statement, text.values, turnPage == nil ? left : 0)
            try read(statement, &rows)
        } catch {
            driver.pointee.end(statement)
            // It may be what is wrong: the table may have changed.
            forget(text.bytes)
            rows.result.free()
            throw error
        }
        driver.pointee.end(statement)
        var affected: Int64 = 0
        var id: Int64 = 0
        driver.pointee.outcome(raw, &affected, &id)
        rows.result.finish(affected: affected, id: id)
        return rows.result
    }

    private func execute(
        _ statement: UnsafeMutableRawPointer, _ values: [apus_db_value], _ milliseconds: UInt32
    ) throws(DatabaseFault) {
        _ = try DatabaseFault.check { fault in
            values.withUnsafeBufferPointer {
                driver.pointee.execute(statement, $0.baseAddress, UInt32($0.count), milliseconds, fault)
            }
        }
    }

    private func read(_ statement: UnsafeMutableRawPointer, _ rows: inout Rows) throws(DatabaseFault) {
        let driver = driver
        var names: [apus_str]?
        while true {
            let answer = try DatabaseFault.check { driver.pointee.step(statement, $0) }
            if names == nil {
                let made = (0..<driver.pointee.columns(statement)).map { driver.pointee.name(statement, $0) }
                rows.result.begin(columns: made)
                names = made
            }
            if answer == 0 { return try turnPage(&rows, names ?? []) }
            guard rows.result.addRow({ driver.pointee.value(statement, $0, $1) }) else {
                throw DatabaseFault(
                    APUS_FAILED, "the rows are more than \(DatabaseResult.limit >> 20) MiB: read in pages")
            }
            if let work = rows.work, rows.turnPage != nil,
                rows.result.facts.pointee.row_count == UInt64(work.pointee.rows)
            {
                try turnPage(&rows, names ?? [])
            }
        }
    }

    /// Shows what has been read, when it is read in pages, and begins a new one.
    private func turnPage(_ rows: inout Rows, _ names: [apus_str]) throws(DatabaseFault) {
        guard let turnPage = rows.turnPage else { return }
        let goesOn = turnPage(rows.result)
        rows.result.free()
        rows.result = .make()
        guard goesOn else { throw DatabaseFault(APUS_CANCELLED, "the reader has had enough") }
        rows.result.begin(columns: names)
    }

    // MARK: - Statements

    private func prepared(_ sql: [UInt8]) throws(DatabaseFault) -> UnsafeMutableRawPointer {
        turn += 1
        if let known = statements[sql] {
            statements[sql]?.used = turn
            return known.raw
        }
        if statements.count >= DatabaseConnection.limit,
            let oldest = statements.min(by: { $0.value.used < $1.value.used })
        {
            forget(oldest.key)
        }
        let made = try DatabaseFault.make { fault in
            sql.withUnsafeBufferPointer { sql in
                driver.pointee.prepare(raw, sql.baseAddress.map { apus_str(Bytes($0, sql.count)) } ?? apus_str(), fault)
            }
        }
        statements[sql] = Statement(raw: made, used: turn)
        return made
    }

    private func forget(_ sql: [UInt8]) {
        if let statement = statements.removeValue(forKey: sql) { driver.pointee.finish(statement.raw) }
    }

    private static func timeLeft(_ work: UnsafeMutablePointer<DatabaseWork>?) throws(DatabaseFault) -> UInt32 {
        guard let deadline = work?.pointee.deadline, deadline > 0 else { return 0 }
        let now = Syscalls.monotonicNanoseconds()
        guard now < deadline else { throw DatabaseFault(APUS_TIMED_OUT, "its time is over") }
        return UInt32(clamping: max(1, (deadline - now) / 1_000_000))
    }
}
