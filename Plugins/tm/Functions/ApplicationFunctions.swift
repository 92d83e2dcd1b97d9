import PluginKit

// Invariants: an UnixWriting lies in memory of the run whose function it is; while it waits its transaction has a reference.

/// t_write_req and t_write_unix: requests that another program answers.
func declareApplicationFunctions(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    let routes = APUS_REQUEST_ROUTE | APUS_FAILURE_ROUTE
    host.function(
        "t_write_req", "fifo:format, application:format", routes: routes,
        doc: "Describes the request to a program that reads a FIFO and replies later; the transaction waits for it.",
        user: state, prepare: prepareApplication, call: writeRequest)
    host.function(
        "t_write_unix", "socket:format, application:format", routes: routes, flags: APUS_MAY_SUSPEND,
        doc: "The same over a unix datagram socket, within unix_tx_timeout.", user: state,
        prepare: prepareApplication, call: writeUnix)
}

/// Whether the set that a constant `application/set` names is there, when the config is read.
private let prepareApplication: Preparation = { _, index, constant, _, complaint in
    guard index == 1, let state = State.shared else { return .true }
    var set = constant
    guard let name = set.next(0x2f), !name.isEmpty else { return complaint.say("the application has no name") }
    if set.isEmpty || state.pointer(to: \.settings).unsafelyUnwrapped.appendSet(set) != nil { return .true }
    return complaint.say("no tw_append names a set \"\(set.string)\"", at: name.len + 1)
}

extension Call {
    /// The description of the call's request for its second argument, `application[/set]`; nil, with the reason in the log.
    fileprivate func description(_ transaction: TransactionRef) -> Description? {
        var set = text(1)
        guard let application = set.next(0x2f), !application.isEmpty else {
            log(.error, "the application has no name")
            return nil
        }
        var data: UnsafeMutablePointer<AppendSet>?
        if !set.isEmpty {
            data = transaction.home.settings.appendSet(set)
            guard data != nil else {
                log(.error, "no tw_append names such a set")
                return nil
            }
        }
        return Description(self, transaction, application: application, set: data)
    }

    /// The transaction that can wait for an application; nil, with the reason in the log.
    fileprivate var waiting: TransactionRef? {
        guard message.isRequest, let transaction else {
            log(.error, "there is no transaction: t_newtran() makes it")
            return nil
        }
        guard transaction.mayWaitForApplication else {
            log(.error, "the transaction has its final reply, or too many branches")
            return nil
        }
        return transaction
    }

    /// The function's answer.
    fileprivate func handedOver(_ transaction: TransactionRef) -> CInt {
        guard transaction.addBlindBranch() != nil else { return fail("no memory for a branch that waits") }
        return .true
    }

    fileprivate func refused(_ code: Int32) -> CInt {
        host.log(.error, "\(text(0).string): \(errorText(code))")
        return .false
    }
}

extension TransactionRef {
    fileprivate var mayWaitForApplication: Bool {
        pointee.phase == .active && pointee.lastStatus < 200 && pointee.branchCount < TransactionRef.mostBranches
            && pointee.flags.isDisjoint(with: [.noNewBranches, .local, .replica])
    }
}

/// `t_write_req(fifo, application[/set])`
private func writeRequest(_ call: Call) -> CInt {
    guard let transaction = call.waiting, let description = call.description(transaction) else { return .false }
    switch description.write(toFIFO: call.text(0)) {
    case .done: return call.handedOver(transaction)
    case .full: return .false
    case .failed(let code): return call.refused(code)
    }
}

/// One t_write_unix whose reader is behind.
private struct UnixWriting {
    /// How long to wait for room, in milliseconds.
    static let interval: UInt64 = 20

    let transaction: TransactionRef
    let description: Description
    /// When to give up, on the worker's clock.
    let deadline: UInt64
}

/// `t_write_unix(socket, application[/set])`
private func writeUnix(_ call: Call) -> CInt {
    guard let transaction = call.waiting, let description = call.description(transaction) else { return .false }
    guard let descriptor = transaction.home.applicationSocket else { return call.fail("the system has no socket") }
    switch description.send(toSocket: call.text(0), from: descriptor) {
    case .done: return call.handedOver(transaction)
    case .failed(let code): return call.refused(code)
    case .full: break
    }
    let home = transaction.home
    let timeout = UInt64(clamping: home.settings.pointee.unixTxTimeout)
    guard timeout > 0,
        let place = call.host.pointee.script.pointee.allocate(call, MemoryLayout<UnixWriting>.size)
    else { return call.fail("the application does not read its socket") }
    let writing = place.bindMemory(to: UnixWriting.self, capacity: 1)
    writing.initialize(
        to: UnixWriting(transaction: transaction, description: description, deadline: home.now &+ timeout))
    transaction.addReference()
    return writing.wait(call)
}

extension UnsafeMutablePointer<UnixWriting> {
    fileprivate func wait(_ call: Call) -> CInt {
        let now = pointee.transaction.home.now
        guard now < pointee.deadline else { return end(call.fail("the application does not read its socket")) }
        let interval = UInt32(Swift.min(UnixWriting.interval, pointee.deadline &- now))
        let token = call.host.pointee.suspend.pointee.begin(call, interval, tryAgain, self)
        return token.value == 0 ? end(call.fail("too many scripts wait")) : .suspended
    }

    fileprivate func attempt(_ call: Call) -> CInt {
        let transaction = pointee.transaction
        guard transaction.mayWaitForApplication, let descriptor = transaction.home.applicationSocket else {
            return end(.false)
        }
        switch pointee.description.send(toSocket: call.text(0), from: descriptor) {
        case .done: return end(call.handedOver(transaction))
        case .failed(let code): return end(call.refused(code))
        case .full: return wait(call)
        }
    }

    fileprivate func end(_ result: CInt) -> CInt {
        pointee.transaction.dropReference()
        return result
    }
}

private let tryAgain: @convention(c) (Call, CInt, UnsafeMutableRawPointer?) -> CInt = { call, status, _ in
    guard let place = call.host.pointee.suspend.pointee.user(call) else { return .false }
    let writing = place.assumingMemoryBound(to: UnixWriting.self)
    return status == CInt(APUS_TIMED_OUT) ? writing.attempt(call) : writing.end(.false)
}
