import Glibc
import Locations
import PluginKit
import RoutingKit

// Invariants: `waiting`, `isRunning` and `isWantedAgain` are read and written under the mutex. A round runs on the thread that began it, batch after batch; there is one at a time,
// so that rows are written in the order in which they became so.

/// Writes rows some time after contacts have changed: all of them with db_mode 2; with 1 those that go because their contact is over, or that a change has left behind of
/// which nobody knows whether it was written.
final class Flusher: @unchecked Sendable {
    static let shared = Flusher()

    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private var isRunning = false
    private var isWantedAgain = false
    /// Deferrals of commands that wait for the end of a round that has not begun, and of the one that runs.
    private var next: [UInt64] = []
    private var waiting: [UInt64] = []
    /// When it last failed, seconds since 1970: told once a minute.
    private var told: Int64 = 0

    /// Rows in one transaction.
    private static let batchSize = 500
    /// Milliseconds for it.
    private static let batchTime: UInt32 = 10_000
    /// Addresses that are written again in one turn.
    private static let mostAddresses = 100

    private init() { pthread_mutex_init(mutex, nil) }

    private func locked<Result>(_ body: () -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }

    /// [worker] [management] Begins a round, or lets another follow the one that runs.
    /// - Parameter deferral: of a command that waits for its end; 0: none does.
    func begin(_ host: Host, deferral: UInt64 = 0) {
        let begins = locked { () -> Bool in
            if deferral != 0 { next.append(deferral) }
            guard !isRunning else {
                isWantedAgain = true
                return false
            }
            isRunning = true
            (waiting, next) = (next, [])
            return true
        }
        if begins { round(host, table: 0) }
    }

    private func round(_ host: Host, table number: Int) {
        guard number < state.pointee.tableCount, let shape = state.pointee.rows else { return end(host, nil) }
        let table = state.pointee.tables[number]
        let store = table.pointee.store
        let isThrough = state.pointee.settings.place == .writeThrough
        let batch = LocationTable.Batch()
        store.take(Flusher.batchSize, onlyGone: isThrough, into: batch)
        guard !batch.isEmpty else {
            if isThrough { rewrite(host, table) }
            return round(host, table: number + 1)
        }
        let requests = Flusher.requests(batch, shape, table)
        let goesOn = batch.count == Flusher.batchSize
        ask(host, requests.work(key: 0, milliseconds: Flusher.batchTime)) { answer in
            let isWritten = answer.status == CInt(APUS_OK)
            store.settle(batch, isWritten: isWritten)
            guard isWritten else {
                let text = "\(table.pointee.name.string): \(answer.result.pointee.text.string)"
                return self.end(host, text)
            }
            if !goesOn, isThrough { self.rewrite(host, table) }
            self.round(host, table: goesOn ? number : number + 1)
        }
        withExtendedLifetime(requests) {}
    }

    private static func requests(_ batch: LocationTable.Batch, _ shape: RowShape, _ table: TableRef) -> RowRequests {
        let requests = RowRequests(shape, table, capacity: batch.count)
        for ruid in batch.goneRows { requests.delete(ruid) }
        for one in batch.dirty { requests.write(one.aor, one.contact) }
        return requests
    }

    /// Through their lanes, so that they do not meet a change.
    private func rewrite(_ host: Host, _ table: TableRef) {
        let arena = CopyArena()
        let store = table.pointee.store
        withExtendedLifetime(arena) {
            for aor in store.takeAddresses(Flusher.mostAddresses, arena)
            where !state.pointee.begin(Pending(rewriting: aor, of: table, host), host) {
                store.putBack(aor)
            }
        }
    }

    private func end(_ host: Host, _ failure: String?) {
        let (asked, isAgain) = locked { () -> ([UInt64], Bool) in
            defer {
                waiting = isWantedAgain ? next : []
                if isWantedAgain { next = [] }
                isRunning = isWantedAgain
                isWantedAgain = false
            }
            return (waiting, isWantedAgain)
        }
        if let failure {
            let now = wallSeconds()
            if now >= told + 60 {
                told = now
                host.log(.error, "rows are not written, and will be later: \(failure)")
            }
        }
        for deferral in asked {
            guard let command = host.pointee.rpc.pointee.resume(host, deferral) else { continue }
            if let failure { command.fail(500, composed: failure) }
            host.pointee.rpc.pointee.finish(host, deferral)
        }
        if isAgain { round(host, table: 0) }
    }

    /// In `stop`, when nobody else is there: everything that is to be written.
    func writeAll(_ host: Host) {
        guard let db = state.pointee.db, let shape = state.pointee.rows else { return }
        let isThrough = state.pointee.settings.place == .writeThrough
        guard isThrough || state.pointee.settings.place == .writeBack else { return }
        for number in 0..<state.pointee.tableCount {
            let table = state.pointee.tables[number]
            while true {
                let batch = LocationTable.Batch()
                table.pointee.store.take(Flusher.batchSize, onlyGone: false, into: batch)
                guard !batch.isEmpty else { break }
                let requests = Flusher.requests(batch, shape, table)
                var work = requests.work(key: 0, milliseconds: Flusher.batchTime)
                var result: UnsafePointer<apus_db_result>?
                let status = withExtendedLifetime(requests) { host.pointee.db.pointee.wait(db, &work, &result) }
                defer { host.pointee.db.pointee.free(result) }
                table.pointee.store.settle(batch, isWritten: status == CInt(APUS_OK))
                guard status == CInt(APUS_OK) else {
                    let name = table.pointee.name.string
                    let why = result.map { $0.pointee.text.string } ?? "status \(status)"
                    host.log(.error, "the last changes of the table \(name) are lost: \(why)")
                    break
                }
            }
        }
    }
}

/// On one worker.
let flushInTurn: @convention(c) (UnsafePointer<apus_tick>) -> Void = { _ in
    guard let host = state.pointee.host else { return }
    Flusher.shared.begin(host)
}
