import PluginAPI

// Invariants: filled in on the main thread until the workers start and constant from then on. Lives for ever.

/// The databases of a server: drivers by scheme, and the pools that modules have opened.
final class Databases {
    private(set) var pools: [DatabasePool] = []
    /// For one piece of work, where neither work nor pool say so.
    var milliseconds: UInt32 = 2000
    private var drivers: [String: Driver] = [:]
    private let counters: DatabaseCounters?

    private struct Driver {
        let table: UnsafePointer<apus_db_driver>
        let host: UnsafePointer<apus_host>
        let module: String
    }

    struct Mistake: Error {
        let text: String
    }

    init(_ statistics: Statistics) { counters = DatabaseCounters(statistics) }

    /// - Parameters:
    ///   - table: complete; lives for ever.
    ///   - host: of its module.
    func add(
        _ table: UnsafePointer<apus_db_driver>, _ host: UnsafePointer<apus_host>, module: String
    ) throws(Mistake) {
        let scheme = String(cString: table.pointee.scheme)
        guard DatabaseURL.isScheme(scheme) else { throw Mistake(text: "`\(scheme)` is no scheme of a url") }
        if let other = drivers[scheme] {
            throw Mistake(text: "databases of \(scheme):// are those of module `\(other.module)` already")
        }
        drivers[scheme] = Driver(table: table, host: host, module: module)
    }

    /// A pool for a module. It does not connect yet.
    func open(
        _ text: [UInt8], owner: (name: String, host: UnsafePointer<apus_host>), _ limits: DatabasePool.Limits
    ) throws(Mistake) -> DatabasePool {
        var text = text
        if text.isEmpty {
            guard drivers.count == 1, let only = drivers.keys.first else {
                throw Mistake(
                    text: drivers.isEmpty
                        ? "there is no database url, and no module of a database is loaded (db_sqlite.so, for one)"
                        : "there is no database url, and modules of several databases are loaded: "
                            + drivers.keys.sorted().joined(separator: ", "))
            }
            text = Array(only.utf8)
        }
        let url: DatabaseURL
        do throws(DatabaseURL.Mistake) { url = try DatabaseURL(text) } catch { throw Mistake(text: error.text) }
        guard let driver = drivers[url.scheme] else {
            throw Mistake(
                text: "no loaded module reads \(url.scheme):// databases: load `db_\(url.scheme).so`, or whichever does"
            )
        }
        guard let counters else { throw Mistake(text: "there is no room for the statistics of databases") }
        let pool = DatabasePool(driver.table, driver.host, url, owner: owner, limits: limits, counters: counters)
        // Modules keep pointers to it.
        _ = Unmanaged.passRetained(pool)
        pools.append(pool)
        return pool
    }

    /// Those that a name means: a module, a scheme, or a url as it is shown.
    func pools(named name: String) -> [DatabasePool] {
        pools.filter { $0.owner == name || $0.url.scheme == name || $0.url.masked == name }
    }

    /// Connects every one of them and waits. Why the first that is down is so; nil when all are up.
    func connectAll() -> String? {
        for pool in pools {
            let (status, result) = withUnsafePointer(to: apus_db_request()) { nothing in
                nothing.withWork(count: 0) { pool.wait(.make($0)) }
            }
            defer { result.free() }
            if status != Int32(APUS_OK) {
                return "\(pool.url.masked), database of module \(pool.owner): \(result.facts.pointee.text.string)"
            }
        }
        return nil
    }

    /// When the workers have ended: see `DatabasePool.quiesce`.
    func quiesce(seconds: Int) {
        let deadline = Syscalls.monotonicNanoseconds() + UInt64(max(0, seconds)) * 1_000_000_000
        for pool in pools { pool.quiesce(until: deadline) }
    }

    /// When the modules have stopped.
    func close() {
        let deadline = Syscalls.monotonicNanoseconds() + 1_000_000_000
        for pool in pools { pool.close(until: deadline) }
    }
}

extension UnsafePointer<apus_db_request> {
    /// Lends a work of this request alone, or of none.
    func withWork<R>(count: UInt32 = 1, _ body: (UnsafePointer<apus_db_work>) -> R) -> R {
        var work = apus_db_work(
            size: UInt32(MemoryLayout<apus_db_work>.size), count: count, requests: self, key: 0, milliseconds: 0,
            reserved: 0)
        return withUnsafePointer(to: &work, body)
    }
}
