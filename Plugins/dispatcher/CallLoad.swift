import Destinations
import PluginKit

// Invariants: the table is the worker's, which is the home of the Call-IDs in it. An entry lies in the worker's memory.

private let routes =
    APUS_REQUEST_ROUTE | APUS_FAILURE_ROUTE | APUS_BRANCH_ROUTE | APUS_ONREPLY_ROUTE | APUS_EVENT_ROUTE
    | APUS_BRANCH_FAILURE_ROUTE | APUS_LOCAL_ROUTE

/// Functions about the calls that algorithm 10 counts.
func declareCallLoad(_ host: Host) {
    host.function(
        "ds_load_update", routes: routes,
        doc: "BYE and CANCEL: the call is not counted any more; 2xx to an INVITE: the call is answered.", call: update)
    host.function(
        "ds_load_unset", routes: routes, doc: "The call is not counted any more; false when it was not.", call: unset)
}

/// `ds_load_update()`
private let update: @convention(c) (Call) -> CInt = { call in
    let message = call.message
    guard !message.field(APUS_FIELD_CALL_ID).isEmpty, !message.field(APUS_FIELD_CSEQ_NUMBER).isEmpty else {
        return .false
    }
    guard let worker = call.host.workerState, let entry = call.entry(worker) else { return .true }
    if message.isRequest {
        let method = message.method
        if method == APUS_METHOD_BYE || method == APUS_METHOD_CANCEL { call.end(entry, worker) }
    } else if message.method == APUS_METHOD_INVITE, 200...299 ~= message.api.pointee.status(message.handle) {
        let deadline = call.host.now + UInt64(state.pointee.settings.hashExpire) * 1000
        worker.pointee.calls?.confirm(entry, until: deadline)
    }
    return .true
}

/// `ds_load_unset()`
private let unset: @convention(c) (Call) -> CInt = { call in
    guard let worker = call.host.workerState, let entry = call.entry(worker) else { return .false }
    call.end(entry, worker)
    return .true
}

/// Calls whose time is over are not counted any more.
let endOldCalls: @convention(c) (UnsafePointer<apus_tick>) -> Void = { tick in
    let host = tick.pointee.host
    guard let worker = host.workerState else { return }
    while let entry = worker.pointee.calls?.expired(at: tick.pointee.now) {
        worker.pointee.calls?.remove(entry)
        host.pointee.memory.pointee.release(host, entry)
    }
}

extension Call {
    /// This worker is the one that all messages of the call come to.
    var isHome: Bool {
        let id = message.field(APUS_FIELD_CALL_ID)
        let worker = host.pointee.worker
        return !id.isEmpty && Int64(worker.pointee.home(host, id)) == Int64(worker.pointee.index(host))
    }

    /// The call is counted.
    var keepsCall: Bool { host.workerState.map { entry($0) != nil } ?? false }

    fileprivate func entry(_ worker: UnsafeMutablePointer<WorkerState>) -> CallTable.EntryRef? {
        guard let calls = worker.pointee.calls, calls.count > 0 else { return nil }
        return calls.find(message.field(APUS_FIELD_CALL_ID).bytes)
    }

    fileprivate func end(_ entry: CallTable.EntryRef, _ worker: UnsafeMutablePointer<WorkerState>) {
        worker.pointee.calls?.remove(entry)
        host.pointee.memory.pointee.release(host, entry)
    }

    /// Before the call is counted anew.
    func endCall(_ worker: UnsafeMutablePointer<WorkerState>) {
        if let entry = entry(worker) { end(entry, worker) }
    }

    /// Remembers what a call was counted on.
    func note(_ pick: Pick, _ worker: UnsafeMutablePointer<WorkerState>) {
        guard pick.isCounted else { return }
        note(pick.destination.pointee.cell, worker)
    }

    private func note(_ cell: CellRef, _ worker: UnsafeMutablePointer<WorkerState>) {
        let id = message.field(APUS_FIELD_CALL_ID)
        guard let memory = host.pointee.memory.pointee.allocate(host, CallTable.size(idLength: id.len)) else {
            // It goes on uncounted.
            return cell.pointee.record.give(cell)
        }
        cell.retain()
        let deadline = host.now + UInt64(state.pointee.settings.hashInitialExpire) * 1000
        worker.pointee.calls?.insert(id.bytes, in: memory, on: cell, until: deadline)
    }

    /// A call that is counted goes to another destination. False: that one takes none.
    func moveCall(to destination: UnsafeMutablePointer<Destination>?) -> Bool {
        guard let worker = host.workerState, let entry = entry(worker) else { return true }
        guard let destination, destination.pointee.isCounted else {
            end(entry, worker)
            return true
        }
        let cell = destination.pointee.cell
        guard cell != entry.pointee.cell else { return true }
        guard cell.pointee.record.take(cell) else { return false }
        cell.retain()
        worker.pointee.calls?.move(entry, to: cell)
        return true
    }
}
