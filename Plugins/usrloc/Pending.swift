import Locations
import PluginKit
import RoutingKit

// Invariants: a Pending is touched on its home thread only, but for `next` lists of Lanes, which are under their mutex. It is retained by its lane until it has ended, and
// by whoever is going to call it back: a posted job, the database. What the change points to lies in its arena.

/// A change whose rows are written before it is made, or contacts whose rows are written again. It waits in its lane until it is the first of its address.
final class Pending {
    /// Who hears what has come of it.
    enum Asker {
        case nobody
        /// The run of a script that is suspended; it gets the Pending.
        case script(apus_token)
        case module(Submitted)
    }

    private enum Work {
        case change(usrloc_change)
        case rewriting
    }

    /// A piece of memory that travels to the home thread.
    private struct Errand {
        var job: apus_job
        let pending: Unmanaged<Pending>
    }

    let table: TableRef
    let hash: UInt64
    let aor: apus_str
    /// The worker on which it is done; negative: the management thread.
    let home: Int32
    private let arena = CopyArena()
    private let work: Work
    private let asker: Asker
    private var plan: Plan?
    /// What has come of it, once it has ended.
    private(set) var outcome = usrloc_outcome()

    /// [worker] [management]
    init(_ host: Host, _ table: TableRef, _ change: usrloc_change, _ asker: Asker) {
        self.table = table
        let copy = change.copied(into: arena)
        work = .change(copy)
        aor = copy.aor
        hash = table.pointee.store.hash(aor)
        home = host.pointee.worker.pointee.index(host)
        self.asker = asker
    }

    /// [worker] The rows of an address are written as memory has them.
    init(rewriting aor: apus_str, of table: TableRef, _ host: Host) {
        self.table = table
        work = .rewriting
        self.aor = arena.copy(aor)
        hash = table.pointee.store.hash(aor)
        home = host.pointee.worker.pointee.index(host)
        asker = .nobody
    }

    private var keepsRecord: Bool { state.pointee.settings.place != .database }

    // MARK: - Steps, on the home thread

    /// From any thread: `start` is called at home.
    func startAtHome(_ host: Host) {
        let errand = UnsafeMutablePointer<Errand>.allocate(capacity: 1)
        let job = apus_job(
            size: UInt32(MemoryLayout<apus_job>.size), reserved: 0, links: (nil, nil),
            run: { host, job in
                let errand = UnsafeMutableRawPointer(job).assumingMemoryBound(to: Errand.self)
                let pending = errand.pointee.pending.takeRetainedValue()
                errand.deallocate()
                pending.start(host)
            })
        let pending = Unmanaged.passRetained(self)
        errand.initialize(to: Errand(job: job, pending: pending))
        let node = UnsafeMutableRawPointer(errand).assumingMemoryBound(to: apus_job.self)
        if home >= 0 {
            host.pointee.worker.pointee.post(host, UInt32(home), node)
        } else if host.pointee.loop.pointee.post(host, node) <= 0 {
            // The server stops: nobody waits any more.
            errand.deallocate()
            pending.release()
        }
    }

    func start(_ host: Host) {
        switch work {
        case .rewriting: rewrite(host)
        case .change(let change): if keepsRecord { write(host, change) } else { read(host, change) }
        }
    }

    /// The database is what counts: the contacts that it has come into memory for as long as the change takes.
    private func read(_ host: Host, _ change: usrloc_change) {
        guard let shape = state.pointee.rows else { return end(host, .refused, CInt(APUS_FAILED), "") }
        let query = RowQuery.of(shape, table, aor)
        ask(host, query.work(key: hash)) { answer in
            guard answer.status == CInt(APUS_OK) else {
                return self.end(host, .refused, answer.status, answer.result.pointee.text)
            }
            self.load(answer.result, shape)
            self.write(host, change)
        }
        withExtendedLifetime(query) {}
    }

    private func load(_ result: UnsafePointer<apus_db_result>, _ shape: RowShape) {
        guard let values = result.pointee.values else { return }
        withUnsafeTemporaryAllocation(byteCount: Int(USRLOC_LONGEST_AOR), alignment: 1) { buffer in
            for row in 0..<Int(result.pointee.row_count) {
                guard let (_, contact) = shape.read(values + row * Int(result.pointee.column_count), buffer) else {
                    continue
                }
                _ = table.pointee.store.load(aor, contact, now: wallSeconds())
            }
        }
    }

    private func write(_ host: Host, _ change: usrloc_change) {
        let store = table.pointee.store
        let plan = store.begin(change, now: wallSeconds(), ruids: state.pointee.ruids.pointee, arena.allocate)
        self.plan = plan
        guard plan.status == CInt(APUS_OK), let shape = state.pointee.rows else {
            return end(host, .refused, plan.status, "")
        }
        var count = 0
        store.rows(plan) { _ in count += 1 }
        guard count > 0 else { return end(host, .written, CInt(APUS_OK), "") }
        let requests = RowRequests(shape, table, capacity: count)
        store.rows(plan) { row in
            if row.kind == .delete { requests.delete(row.contact.ruid) } else { requests.write(aor, row.contact) }
        }
        ask(host, requests.work(key: hash)) { answer in
            let writing: LocationTable.Writing
            switch Int(answer.status) {
            case APUS_OK: writing = .written
            case APUS_TIMED_OUT, APUS_DB_DOWN: writing = answer.wasTaken ? .unknown : .refused
            default: writing = .refused
            }
            self.end(host, writing, answer.status, answer.result.pointee.text)
        }
        withExtendedLifetime(requests) {}
    }

    private func rewrite(_ host: Host) {
        let batch = LocationTable.Batch()
        let store = table.pointee.store
        store.take(of: aor, into: batch)
        guard !batch.isEmpty, let shape = state.pointee.rows else { return state.pointee.endLane(self, host) }
        let requests = RowRequests(shape, table, capacity: batch.count)
        for one in batch.dirty { requests.write(one.aor, one.contact) }
        ask(host, requests.work(key: hash)) { answer in
            store.settle(batch, isWritten: answer.status == CInt(APUS_OK))
            state.pointee.endLane(self, host)
        }
        withExtendedLifetime(requests) {}
    }

    // MARK: - The end

    private func end(_ host: Host, _ writing: LocationTable.Writing, _ status: CInt, _ text: apus_str) {
        guard case .change(let change) = work else { return }
        let ended = plan ?? .refused(hash, Int(status))
        let made = table.pointee.store.finish(
            ended, of: change, writing, status: status, now: wallSeconds(), events: state.pointee.wanted,
            table: table.handle, keepsRecord: keepsRecord, arena.allocate)
        outcome = made.outcome
        // Without a plan nothing was found out about the address.
        if plan == nil { outcome.record = nil }
        outcome.text = arena.copy(text)
        state.tell(table, aor, made)
        switch asker {
        case .nobody: break
        case .script(let token):
            let payload = Unmanaged.passRetained(self).toOpaque()
            host.pointee.suspend.pointee.complete(host, token, CInt(APUS_OK), payload) {
                $0.map { Unmanaged<Pending>.fromOpaque($0).release() }
            }
        case .module(let then): then(&outcome)
        }
        state.pointee.endLane(self, host)
    }
}
