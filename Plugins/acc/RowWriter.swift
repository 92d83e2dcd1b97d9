import PluginKit
import Synchronization

// Invariants: a RowWriter lives for ever; `losses` is changed by all workers. The terms of a row lie in memory of the call's run, and the host copies them
// before `post` returns. A PendingRow lies in a piece of its worker's memory until the database has answered, in the list of that worker, which alone touches it
// until it has ended.

/// A row that the database has not answered yet; its bytes lie behind it.
private struct PendingRow {
    let writer: UnsafePointer<RowWriter>
    let worker: Int
    var next: UnsafeMutablePointer<PendingRow>?
    var previous: UnsafeMutablePointer<PendingRow>?
    let size: Int
}

extension UnsafeMutablePointer<PendingRow> {
    fileprivate var memory: UnsafeMutableRawPointer {
        UnsafeMutableRawPointer(self) + MemoryLayout<PendingRow>.stride
    }

    fileprivate var bytes: UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: UnsafePointer(memory.assumingMemoryBound(to: UInt8.self)), count: pointee.size)
    }
}

/// Puts rows into the database, of which no worker waits for one. What it cannot take now goes into the spool.
struct RowWriter {
    fileprivate let db: OpaquePointer
    fileprivate let written: UInt32
    fileprivate let lost: UInt32
    fileprivate let spooled: UInt32
    /// Rows that were lost, or went into the spool, since the last one that was written.
    fileprivate let losses: UnsafeMutablePointer<Atomic<Int>>
    /// Of each worker the rows that wait for an answer.
    fileprivate let pending: UnsafeMutablePointer<UnsafeMutablePointer<PendingRow>?>
    fileprivate let workers: Int
    /// Nil: there is none.
    let spool: Spool?

    init(_ host: Host, db: OpaquePointer, _ state: UnsafeMutablePointer<State>, spool: Spool?) {
        self.db = db
        (written, lost) = (state.pointee.writtenCounter, state.pointee.lostCounter)
        spooled = state.pointee.spooledCounter
        self.spool = spool
        losses = .allocate(capacity: 1)
        losses.initialize(to: Atomic(0))
        workers = Int(host.pointee.worker.pointee.count(host))
        pending = .allocate(capacity: max(1, workers))
        pending.initialize(repeating: nil, count: max(1, workers))
    }

    static func request(_ table: apus_str, _ terms: UnsafeBufferPointer<apus_db_term>) -> apus_db_request {
        var request = apus_db_request()
        request.size = UInt32(MemoryLayout<apus_db_request>.size)
        request.kind = UInt32(APUS_DB_INSERT)
        request.table = table
        request.sets = terms.baseAddress
        request.set_count = UInt32(terms.count)
        return request
    }

    /// The database is not there, or has too much to do: the row may be written later.
    static func isTransient(_ status: CInt) -> Bool {
        switch Int(status) {
        case APUS_BUSY, APUS_TIMED_OUT, APUS_CANCELLED, APUS_DB_DOWN, APUS_DB_LOCKED: true
        default: false
        }
    }
}

extension UnsafePointer<RowWriter> {
    /// [worker]
    func insert(_ host: Host, _ table: apus_str, _ row: Row) {
        guard let waiting = remember(host, table, row.list) else {
            host.bump(pointee.lost)
            return host.log(.error, "a row is lost: memory is out")
        }
        let status = withUnsafePointer(to: RowWriter.request(table, row.list)) { request in
            var work = apus_db_work(
                size: UInt32(MemoryLayout<apus_db_work>.size), count: 1, requests: request, key: 0, milliseconds: 0,
                reserved: 0)
            return host.pointee.db.pointee.post(
                pointee.db, &work,
                { host, status, result, user in
                    let waiting = user.unsafelyUnwrapped.assumingMemoryBound(to: PendingRow.self)
                    waiting.pointee.writer.end(host, waiting, status, result.pointee.text)
                }, waiting)
        }
        if status != CInt(APUS_OK) {
            end(host, waiting, status, status == CInt(APUS_BUSY) ? "too many rows wait" : "the database is down")
        }
    }

    private func remember(
        _ host: Host, _ table: apus_str, _ terms: UnsafeBufferPointer<apus_db_term>
    ) -> UnsafeMutablePointer<PendingRow>? {
        let worker = Int(host.pointee.worker.pointee.index(host))
        let size = pointee.spool == nil ? 0 : SpooledRow.size(table, terms)
        guard 0..<pointee.workers ~= worker,
            let place = host.pointee.memory.pointee.allocate(host, MemoryLayout<PendingRow>.stride + size)
        else { return nil }
        let waiting = place.bindMemory(to: PendingRow.self, capacity: 1)
        var out = Writer(waiting.memory, capacity: size)
        if size > 0 { SpooledRow.write(table, terms, to: &out) }
        let first = pointee.pending[worker]
        waiting.initialize(
            to: PendingRow(writer: self, worker: worker, next: first, previous: nil, size: out.count))
        first?.pointee.previous = waiting
        pointee.pending[worker] = waiting
        return waiting
    }

    /// [worker] Counts, and tells of the first row that is not written and of the first one that is again.
    private func end(
        _ host: Host, _ waiting: UnsafeMutablePointer<PendingRow>, _ status: CInt, _ reason: apus_str
    ) {
        defer {
            waiting.pointee.next?.pointee.previous = waiting.pointee.previous
            if let previous = waiting.pointee.previous {
                previous.pointee.next = waiting.pointee.next
            } else {
                pointee.pending[waiting.pointee.worker] = waiting.pointee.next
            }
            host.pointee.memory.pointee.release(host, waiting)
        }
        guard status != CInt(APUS_OK) else {
            host.bump(pointee.written)
            guard pointee.losses.pointee.load(ordering: .relaxed) > 0 else { return }
            let count = pointee.losses.pointee.exchange(0, ordering: .relaxed)
            if count > 0 { host.log(.notice, "rows are written again; \(count) were not meanwhile") }
            return
        }
        let isFirst = pointee.losses.pointee.wrappingAdd(1, ordering: .relaxed).oldValue == 0
        if let spool = pointee.spool, RowWriter.isTransient(status), put(host, waiting.bytes, spool) {
            host.bump(pointee.spooled)
            if isFirst { host.log(.error, "rows go into the spool until the database takes them: \(reason.string)") }
            return
        }
        host.bump(pointee.lost)
        if isFirst {
            host.log(.error, "a row is lost, and others may be until rows are written again: \(reason.string)")
        }
    }

    private func put(_ host: Host, _ bytes: UnsafeBufferPointer<UInt8>, _ spool: Spool) -> Bool {
        let job = SpoolJob.make(spool, bytes)
        if host.pointee.offload.pointee.post(host, job) > 0 { return true }
        SpoolJob.free(job)
        return false
    }

    /// [stop] Rows that the database has not got go into the spool. Those that it has are known by its state alone: nobody is told of an answer any more.
    func stop(_ host: Host) {
        guard let spool = pointee.spool else { return }
        var state = apus_db_state()
        state.size = UInt32(MemoryLayout<apus_db_state>.size)
        host.pointee.db.pointee.state(pointee.db, &state)
        guard state.state == UInt32(APUS_DB_STATE_DOWN) || state.waiting > 0 else { return }
        for worker in 0..<pointee.workers {
            var last = pointee.pending[worker]
            while let next = last?.pointee.next { last = next }
            // The oldest is the last.
            while let row = last {
                if !spool.append(row.pointee.size == 0 ? UnsafeBufferPointer(start: nil, count: 0) : row.bytes) {
                    host.log(.error, "a row is lost: the spool does not take it")
                }
                last = row.pointee.previous
            }
        }
    }
}
