import PluginKit

// Invariants: a Relay lies in memory of the run whose function it is, so that it outlives every wait of that run. Between a step that answers
// APUS_SUSPENDED and the callback that goes on, nothing of the call is touched. Its transaction is busy, and referenced, until `finish`.

/// Where a request is relayed, and how.
struct RelayTarget {
    struct Options: OptionSet {
        let rawValue: UInt32
        @inline(__always)
        init(rawValue: UInt32) { self.rawValue = rawValue }

        /// No 100 to an INVITE. The first three are t_relay_to's flags.
        static var noTrying: Options { Options(rawValue: 1) }
        /// The script answers for a failure.
        static var noErrorReply: Options { Options(rawValue: 2) }
        static var noFailover: Options { Options(rawValue: 4) }
        /// A copy whose replies go nowhere.
        static var replica: Options { Options(rawValue: 8) }
        /// An ACK or CANCEL is relayed like any other request.
        static var plain: Options { Options(rawValue: 16) }
    }

    /// The next hop of every branch, as a URI that lives for the run; null s: each branch's own.
    var nextHop = apus_str()
    /// The only transport wanted; 0: by the next hop.
    var transport: UInt32 = 0
    var options = Options(rawValue: 0)
}

/// Gets the result of a relay that had to wait, and answers for the function that called it.
typealias RelayThen = @convention(c) (Call, CInt, UnsafeMutableRawPointer?) -> CInt

typealias RelayRef = UnsafeMutablePointer<Relay>

/// One t_relay at work: the branches of one destination set, one after the other.
struct Relay {
    /// What is to be done next.
    enum Step {
        case nextBranch
        case findAddress
        case write
        case send
        /// The branch cannot be sent, for this reason.
        case failed(Int32)
        /// The transaction was cancelled or replied to meanwhile.
        case stop
        case finish
        /// The function's answer.
        case answer(CInt)
    }

    let target: RelayTarget
    let transaction: TransactionRef
    let then: RelayThen?
    let user: UnsafeMutableRawPointer?
    /// Some step waited: `then` is to be called.
    var hasWaited = false

    // The destination set.
    /// The request's own destination is the first one.
    var usesCurrent = false
    var count: UInt32 = 0
    var next: UInt32 = 0
    /// What the request was like before the first branch, when branches change it.
    var mark = apus_mark()
    var isMarked = false
    var loopHash: UInt64 = 0
    /// Max-Breadth of the request (RFC 5393); nil: it carries none.
    var breadth: UInt32?

    // The branch at work.
    var branch: BranchRef?
    var lookup = apus_lookup()
    var token = apus_token()
    /// The address to try.
    var hop: UInt32 = 0
    var wasTold = false

    // The outcome.
    var sent: UInt32 = 0
    /// Why the last branch failed, as a status code.
    var error: Int32 = 500
}

/// t_relay and its kin: forwards the request statefully to its destination set (RFC 3261 section 16.6). The caller returns the result at
/// once: 1 when a branch was sent or the request is dealt with otherwise, negative with the message's error set, or APUS_SUSPENDED.
/// - Parameter then: called instead of returning, when the relay had to wait.
func relay(
    _ call: Call, _ target: RelayTarget, then: RelayThen? = nil, user: UnsafeMutableRawPointer? = nil
) -> CInt {
    guard let home = call.home else { return .false }
    let message = call.pointee.msg
    let method = home.messages.pointee.method(message)
    guard call.pointee.route_kind != UInt32(APUS_LOCAL_ROUTE) else {
        return call.fail("a request of our own leaves by itself when its route has ended")
    }
    guard home.messages.pointee.is_request(message) > 0 else { return call.fail("there is no request to relay here") }
    if method == UInt32(APUS_METHOD_ACK) { return forwardAcknowledgement(call, home, target, then, user) }
    if target.options.contains(.replica) { return replicate(call, home, target, method, then, user) }
    var known = call.transaction
    // What a look-up found for a CANCEL is its INVITE's.
    if let found = known, found.pointee.method != method { known = nil }
    if method == UInt32(APUS_METHOD_CANCEL), !target.options.contains(.plain) {
        if let invite = home.match(message, method: UInt32(APUS_METHOD_INVITE)) { return invite.cancelled(by: call) }
        switch home.settings.pointee.unmatchedCancel {
        case 1 where known == nil: return forwardStateless(call, home, target, then, user)
        case 2 where known == nil: return .true
        default: break
        }
    }
    guard let known else {
        switch home.newTransaction(call) {
        case .made(let transaction): return begin(call, home, target, transaction, then, user)
        case .retransmission, .acknowledgement: return .true
        case .failed(let code):
            home.messages.pointee.set_error(message, CInt(code), "Transaction not created")
            return .false
        }
    }
    return begin(call, home, target, known, then, user)
}

private func begin(
    _ call: Call, _ home: UnsafeMutablePointer<Home>, _ target: RelayTarget, _ transaction: TransactionRef,
    _ then: RelayThen?, _ user: UnsafeMutableRawPointer?
) -> CInt {
    let message = call.pointee.msg
    guard transaction.pointee.phase == .active, !transaction.pointee.flags.contains(.noNewBranches) else {
        // A CANCEL that came during the script has been answered for; there is nothing to complain of.
        if transaction.pointee.flags.contains(.cancelled) { return .true }
        home.messages.pointee.set_error(message, 500, "Transaction already replied")
        return call.fail("the transaction has its final reply: nothing can be relayed any more")
    }
    guard let relay = Relay.make(call, target, transaction, then, user) else {
        home.messages.pointee.set_error(message, 500, "Out of memory")
        return .false
    }
    guard relay.collect(call) else {
        home.messages.pointee.set_error(message, 500, "No destination")
        relay.answerForFailure(call)
        return call.fail("there is nowhere to relay to: no branch was added, and the request's own URI is not new")
    }
    transaction.addReference()
    // Whatever was sent before has its outcome: a new leg begins.
    if !transaction.hasPendingBranches { transaction.pointee.legStart = transaction.pointee.branchCount }
    relay.sayTrying()
    if let code = relay.refusal(call) {
        relay.pointee.error = code
        return relay.go(call, from: .finish)
    }
    return relay.go(call, from: .nextBranch)
}

extension Relay {
    /// In the run's memory; nil when its limit is reached.
    static func make(
        _ call: Call, _ target: RelayTarget, _ transaction: TransactionRef, _ then: RelayThen?,
        _ user: UnsafeMutableRawPointer?
    ) -> RelayRef? {
        guard let place = call.host.pointee.script.pointee.allocate(call, MemoryLayout<Relay>.size) else { return nil }
        let relay = place.bindMemory(to: Relay.self, capacity: 1)
        relay.initialize(to: Relay(target: target, transaction: transaction, then: then, user: user))
        return relay
    }
}

extension RelayRef {
    /// Does one step after the other until one waits, or the relay is over.
    func go(_ call: Call, from first: Relay.Step) -> CInt {
        var step = first
        while true {
            switch step {
            case .nextBranch: step = openBranch(call)
            case .findAddress: step = findAddress(call)
            case .write: step = write(call)
            case .send: step = send(call)
            case .failed(let code): step = fail(call, code)
            case .stop: step = stop(call)
            case .finish: step = finish(call)
            case .answer(let result):
                if result == .suspended { return result }
                guard pointee.hasWaited, let then = pointee.then else { return result }
                return then(call, result, pointee.user)
            }
        }
    }

    /// Whether more may be sent: nobody has cancelled the request or answered it.
    var mayGoOn: Bool {
        let transaction = pointee.transaction
        return transaction.pointee.phase == .active
            && transaction.pointee.flags.isDisjoint(with: [.cancelled, .noNewBranches, .expired])
    }

    /// Looks at the destination set. False when it is empty.
    func collect(_ call: Call) -> Bool {
        let branches = call.host.pointee.branches
        let message = call.pointee.msg
        let others = branches.pointee.count(message)
        let isNew = branches.pointee.is_new(message) > 0
        // An address that a failure route names is a new destination, even for the same URI.
        let isNamed =
            others == 0 && !pointee.target.nextHop.isNull && call.pointee.route_kind != UInt32(APUS_REQUEST_ROUTE)
        pointee.usesCurrent = isNew || isNamed
        pointee.count = others + (pointee.usesCurrent ? 1 : 0)
        return pointee.count > 0
    }

    /// The 100 that keeps an INVITE's sender from repeating it.
    func sayTrying() {
        let transaction = pointee.transaction
        let settings = transaction.home.settings
        guard mayGoOn, transaction.pointee.flags.contains(.invite), transaction.pointee.lastStatus == 0,
            !transaction.pointee.flags.contains(.noAuto100), !pointee.target.options.contains(.noTrying)
        else { return }
        _ = transaction.reply(LocalReply(code: 100, reason: settings.pointee.autoInv100Reason))
    }

    /// The status that answers a request which must not be forwarded that way (RFC 5393); nil when it may be.
    func refusal(_ call: Call) -> Int32? {
        let home = pointee.transaction.home
        let message = call.pointee.msg
        pointee.loopHash = home.loopHash(of: message)
        if home.hasPassed(message, pointee.loopHash) {
            call.log(.notice, "the request has been here before and comes back unchanged")
            if pointee.count > 1 || home.settings.pointee.loopChecks != 0 {
                home.messages.pointee.set_error(message, 482, "Loop Detected")
                return 482
            }
        }
        guard let header = apus_header.filled({ home.messages.pointee.find(message, "Max-Breadth", 0, $0) }),
            let breadth = header.value.number, breadth >= 0
        else { return nil }
        guard breadth >= Int64(pointee.count) else {
            home.messages.pointee.set_error(message, 440, "Max-Breadth Exceeded")
            return 440
        }
        pointee.breadth = UInt32(clamping: breadth)
        return nil
    }

    /// Nothing more is sent: a CANCEL or a final reply came while the relay waited.
    private func stop(_ call: Call) -> Relay.Step {
        let transaction = pointee.transaction
        if let branch = pointee.branch { transaction.discard(branch) }
        pointee.branch = nil
        let isCancelled = transaction.pointee.flags.contains(.cancelled)
        if isCancelled, transaction.pointee.branches == nil, transaction.pointee.lastStatus < 200 {
            _ = transaction.reply(LocalReply(code: 487, reason: "Request Terminated"))
        }
        restore(call)
        transaction.home.messages.pointee.set_error(call.pointee.msg, 487, "Request Terminated")
        let isRequest = call.pointee.route_kind == UInt32(APUS_REQUEST_ROUTE)
        let result: CInt = pointee.sent > 0 || isRequest ? .true : .false
        if pointee.sent > 0 { settle(call) }
        leave()
        return .answer(result)
    }

    /// All destinations were tried.
    private func finish(_ call: Call) -> Relay.Step {
        restore(call)
        defer { leave() }
        if pointee.sent > 0 {
            settle(call)
            return .answer(.true)
        }
        answerForFailure(call)
        return .answer(.false)
    }

    /// The relay has failed altogether: the sender is told, at once or, if the script does not reply itself, at its end.
    fileprivate func answerForFailure(_ call: Call) {
        let transaction = pointee.transaction
        guard !pointee.target.options.contains(.replica),
            let context = call.state.context(of: call.pointee.msg), context.pointee.isCreator
        else { return }
        if pointee.target.options.contains(.noErrorReply) {
            transaction.pointee.flags.insert(.disableInternalReply)
        }
        guard transaction.pointee.branches == nil, transaction.pointee.lastStatus < 200,
            !transaction.pointee.flags.contains(.disableInternalReply)
        else { return }
        if transaction.home.settings.pointee.delayedReply != 0 {
            context.pointee.relayError = pointee.error
        } else {
            transaction.replyError(call.pointee.msg, code: pointee.error)
        }
    }

    /// The request has left: what the script does to it from now on is for others.
    private func settle(_ call: Call) {
        let transaction = pointee.transaction
        let message = call.pointee.msg
        guard !pointee.target.options.contains(.replica) else { return }
        let branches = call.host.pointee.branches
        branches.pointee.clear(message)
        branches.pointee.set_new(message, 0)
        if call.pointee.route_kind == UInt32(APUS_REQUEST_ROUTE) { transaction.saveDestination(of: message) }
        transaction.pointee.flags.insert(.relayed)
        if !transaction.pointee.ownsRequest { transaction.keepRequest(message) }
    }

    /// The message as it was before the first branch.
    func restore(_ call: Call) {
        guard pointee.isMarked else { return }
        call.host.pointee.message.pointee.rewind(call.pointee.msg, &pointee.mark)
    }

    /// The transaction may be gone afterwards.
    private func leave() {
        let transaction = pointee.transaction
        if pointee.target.options.contains(.replica) { transaction.becomeIdle() }
        transaction.dropReference()
    }
}
