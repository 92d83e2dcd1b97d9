import PluginAPI

// Invariants: an `apus_db` is a DatabasePool, an `apus_db_result` the head of a DatabaseResult; pools live for ever. What `ask` and `post` have posted is
// a DatabaseWork whose `host`, `done`, `user` and `token` are the module's; it comes back by the suspension's answer or by its mail.

/// The group `db`: apus/db.h. What workers and the management thread post is in Host+DatabaseWork.swift.
extension HostTables {
    static func makeDatabase() -> apus_db_api {
        apus_db_api(
            size: size(apus_db_api.self),
            add_driver: { host, driver in HostTables.addDriver(driver, host) },
            open: { host, url, options in HostTables.open(url, options, host) },
            wait: { database, work, out in
                let (status, result) = HostTables.waitFor(DatabasePool.of(database), work)
                out.pointee = result
                return status
            },
            free: { $0?.free() },
            pages: { database, work, rows, page, user, out in
                let (status, result) = HostTables.waitFor(DatabasePool.of(database), work) { work in
                    work.pointee.rows = max(1, rows)
                    work.pointee.page = page
                    work.pointee.pageUser = user
                }
                out.pointee = result
                return status
            },
            ask: { call, database, work, done, user in HostTables.ask(call, database, work, done, user) },
            post: { database, work, done, user in HostTables.post(database, work, done, user) },
            check_version: { database, table, version in
                HostTables.checkVersion(DatabasePool.of(database), table, version...version)
            },
            column: { result, name in Int32(result.column(name) ?? -1) },
            number: { value, out in
                guard let number = value.pointee.number else { return CInt(APUS_FALSE) }
                out.pointee = number
                return CInt(APUS_TRUE)
            },
            state: { database, out in
                let pool = DatabasePool.of(database)
                let report = pool.report
                out.pointee.state = UInt32(report.phase.rawValue)
                out.pointee.connections = UInt32(report.connections)
                out.pointee.waiting = UInt32(report.waiting)
                out.pointee.url = apus_str(pool.shownURL)
            },
            check_versions: { database, table, least, most in
                HostTables.checkVersion(DatabasePool.of(database), table, least...max(least, most))
            })
    }

    // MARK: - Declaring

    private static func addDriver(
        _ driver: UnsafePointer<apus_db_driver>, _ host: UnsafePointer<apus_host>
    ) -> CInt {
        host.declaring("db->add_driver") { (module, modules) throws(Registry.Refusal) in
            try GivenStruct.read(
                driver, apus_db_driver.self, name: "apus_db_driver",
                first: MemoryLayout.end(of: \apus_db_driver.outcome)
            ) { (given) throws(Registry.Refusal) in
                _ = try given.required(\.scheme, "the scheme")
                let missing =
                    given.isNull(\.open) || given.isNull(\.close) || given.isNull(\.prepare)
                    || given.isNull(\.execute) || given.isNull(\.step) || given.isNull(\.columns)
                    || given.isNull(\.name) || given.isNull(\.value) || given.isNull(\.end) || given.isNull(\.finish)
                    || given.isNull(\.outcome)
                if missing { throw Registry.Refusal(text: "a function of the driver is null") }
            }
            do throws(Databases.Mistake) { try modules.databases.add(driver, host, module: module.name) } catch {
                throw Registry.Refusal(text: error.text)
            }
            return CInt(APUS_TRUE)
        }
    }

    private static func open(
        _ url: apus_str, _ options: UnsafePointer<apus_db_options>?, _ host: UnsafePointer<apus_host>
    ) -> OpaquePointer? {
        var opened: OpaquePointer?
        _ = host.declaring("db->open", in: [.starting]) { (module, modules) throws(Registry.Refusal) in
            var limits = DatabasePool.Limits()
            limits.milliseconds = modules.databases.milliseconds
            if let options = options?.pointee {
                if options.connections > 0 { limits.connections = Int(min(options.connections, 256)) }
                if options.queue > 0 { limits.queue = Int(options.queue) }
                if options.milliseconds > 0 { limits.milliseconds = options.milliseconds }
            }
            do throws(Databases.Mistake) {
                let text = Array(UnsafeBufferPointer(start: url.bytes.start, count: url.len))
                let pool = try modules.databases.open(text, owner: (module.name, host), limits)
                opened = OpaquePointer(Unmanaged.passUnretained(pool).toOpaque())
            } catch {
                throw Registry.Refusal(text: error.text)
            }
            return CInt(APUS_TRUE)
        }
        return opened
    }

    // MARK: - Waiting

    private static func waitFor(
        _ pool: DatabasePool, _ source: UnsafePointer<apus_db_work>,
        _ prepare: (UnsafeMutablePointer<DatabaseWork>) -> Void = { _ in }
    ) -> (CInt, UnsafePointer<apus_db_result>) {
        if let thread = HostTables.thread {
            Log.error("module \(pool.owner): the database cannot be waited for on \(thread)")
            let fault = DatabaseFault(APUS_FAILED, "nothing may wait on \(thread)")
            return (fault.status, UnsafeMutablePointer.make(fault).facts)
        }
        let work = UnsafeMutablePointer<DatabaseWork>.make(source)
        prepare(work)
        let (status, result) = pool.wait(work)
        return (status, result.facts)
    }

    /// The calling thread, when it must not wait.
    private static var thread: String? {
        if ManagementThread.current != nil { return "the management thread" }
        return Worker.current != nil ? "a worker" : nil
    }

    private static func checkVersion(_ pool: DatabasePool, _ table: apus_str, _ versions: ClosedRange<Int32>)
        -> CInt
    {
        let modules = pool.driverHost.modules
        let name: String
        if case .text(let text)? = modules.coreSettings?("version_table") { name = text } else { name = "version" }
        let (status, result) = PermanentText.withBytes(of: name) { name in
            var column = apus_str("table_version")
            var term = apus_db_term()
            term.column = apus_str("table_name")
            term.value = apus_db_text(table)
            var request = apus_db_request()
            request.size = UInt32(MemoryLayout<apus_db_request>.size)
            request.kind = UInt32(APUS_DB_SELECT)
            request.table = apus_str(name.bytes)
            request.column_count = 1
            request.where_count = 1
            return withUnsafePointer(to: &column) { column in
                withUnsafePointer(to: &term) { term in
                    request.columns = column
                    request.where = term
                    return withUnsafePointer(to: &request) { $0.withWork { waitFor(pool, $0) } }
                }
            }
        }
        defer { result.free() }
        func tell(_ text: String) {
            let host = pool.ownerHost
            PermanentText.withBytes(of: "\(pool.url.masked): \(text)") {
                host.pointee.log.pointee.write(host, CInt(APUS_ERR), $0)
            }
        }
        guard status == CInt(APUS_OK) else {
            tell("the version of table \(table.string) is not known: \(result.pointee.text.string)")
            return status
        }
        let found = result.pointee.row_count > 0 ? result.pointee.values?.pointee.number : nil
        if let found, let version = Int32(exactly: found), versions.contains(version) { return CInt(APUS_OK) }
        let expected =
            versions.count == 1 ? "\(versions.lowerBound)" : "\(versions.lowerBound) to \(versions.upperBound)"
        let seen = found.map { "found \($0)" } ?? "found none"
        tell("expected \(expected), \(seen), table \(table.string) (`apusctl db create` makes the tables)")
        return CInt(APUS_FAILED)
    }
}

extension DatabasePool {
    @inline(__always)
    static func of(_ database: OpaquePointer) -> DatabasePool {
        Unmanaged<DatabasePool>.fromOpaque(UnsafeRawPointer(database)).takeUnretainedValue()
    }
}
