import PluginKit

// Invariants: as Interface.swift. A parked transaction lives on the worker that parked it: t_continue from elsewhere posts a job there first
// (`tm_api.worker_of`).

let suspendForModule: @convention(c) (Call, UnsafeMutablePointer<UInt32>, UnsafeMutablePointer<UInt32>) -> CInt = {
    call, index, label in
    guard let state = State.shared, let home = state.home else { return .false }
    var transaction = state.context(of: call.pointee.msg)?.pointee.transaction
    if transaction == nil, call.pointee.route_kind & UInt32(APUS_REQUEST_ROUTE) != 0,
        case .made(let made) = state.withOwnCall(call, { home.newTransaction($0) })
    {
        transaction = made
    }
    guard let transaction, transaction.suspend() else { return .false }
    index.pointee = transaction.publicIndex
    label.pointee = transaction.label
    return .true
}

let continueForModule: @convention(c) (Host, UInt32, UInt32, OpaquePointer) -> CInt = { _, index, label, route in
    guard let transaction = State.shared?.transaction(index: index, label: label) else { return .false }
    return transaction.resumeLater(route) ? .true : .false
}

let cancelSuspensionForModule: @convention(c) (Host, UInt32, UInt32) -> CInt = { _, index, label in
    guard let transaction = State.shared?.transaction(index: index, label: label) else { return .false }
    return transaction.cancelSuspension() ? .true : .false
}
