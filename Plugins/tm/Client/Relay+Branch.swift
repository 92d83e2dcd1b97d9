import PluginKit

// Invariants: as in Relay.swift. Texts of a destination live for the run. A branch that was not sent is the transaction's last one.

extension RelayRef {
    /// Takes the next destination: it becomes the request's own, and a branch; the branch route may change both.
    func openBranch(_ call: Call) -> Relay.Step {
        let transaction = pointee.transaction
        guard pointee.next < pointee.count else { return .finish }
        guard mayGoOn else { return .stop }
        let index = pointee.next
        let route = pointee.target.options.contains(.replica) ? nil : transaction.pointee.onBranch
        if index > 0 {
            restore(call)
        } else if pointee.count > 1 || route != nil || pointee.breadth != nil || !pointee.usesCurrent
            || transaction.isWatched(TM_REQUEST_FWDED) || pointee.target.options.contains(.replica)
        {
            guard call.host.pointee.message.pointee.mark(call.pointee.msg, &pointee.mark) > 0 else {
                return outOfMemory()
            }
            pointee.isMarked = true
        }
        pointee.next += 1
        var destination = apus_branch()
        destination.size = UInt32(MemoryLayout<apus_branch>.size)
        guard choose(call, index, &destination) else { return outOfMemory() }
        guard let branch = transaction.addBranch() else { return outOfMemory() }
        branch.pointee.branchFlags = destination.flags
        branch.pointee.ruid = transaction.home.keep(destination.ruid)
        branch.pointee.instance = transaction.home.keep(destination.instance)
        branch.pointee.userAgent = transaction.home.keep(destination.user_agent)
        pointee.branch = branch
        pointee.wasTold = false
        guard let route else { return .findAddress }
        if let context = transaction.home.pointee.state.makeContext(of: call.pointee.msg) {
            context.pointee.branch = Int32(branch.pointee.index)
        }
        let result = call.host.pointee.script.pointee.run(
            call, route, UInt32(APUS_BRANCH_ROUTE), nil, Relay.routed, self)
        if result == .suspended { pointee.hasWaited = true } else { forgetBranch(call) }
        return result == .suspended ? .answer(result) : .failed(500)
    }

    /// Makes the destination of that place the request's own, and tells what it is.
    private func choose(_ call: Call, _ index: UInt32, _ destination: inout apus_branch) -> Bool {
        let branches = call.host.pointee.branches
        let message = call.pointee.msg
        if pointee.usesCurrent, index == 0 {
            branches.pointee.current(message, &destination)
            return true
        }
        let place = index - (pointee.usesCurrent ? 1 : 0)
        return branches.pointee.get(message, place, &destination) > 0
            && branches.pointee.set_current(message, &destination) > 0
    }

    private func outOfMemory() -> Relay.Step {
        pointee.error = 500
        return .finish
    }

    fileprivate func forgetBranch(_ call: Call) {
        pointee.transaction.home.pointee.state.context(of: call.pointee.msg)?.pointee.branch = -1
    }

    /// The addresses of the branch's next hop.
    func findAddress(_ call: Call) -> Relay.Step {
        let host = call.host
        let transaction = pointee.transaction
        let lookup = pointer(to: \.lookup).unsafelyUnwrapped
        let message = call.pointee.msg
        let uri =
            pointee.target.nextHop.isNull ? host.pointee.message.pointee.next_hop(message) : pointee.target.nextHop
        lookup.pointee.size = UInt32(MemoryLayout<apus_lookup>.size)
        lookup.pointee.count = 0
        lookup.pointee.user = UnsafeMutableRawPointer(self)
        lookup.pointee.done = Relay.found
        pointee.hop = 0
        let result = host.pointee.resolver.pointee.next_hop(host, uri, pointee.target.transport, lookup)
        if result > 0 {
            transaction.home.dropBlocked(lookup, method: transaction.pointee.method)
            return .write
        }
        guard result == .suspended else {
            sayWhatIsMissing(call)
            return .failed(478)
        }
        pointee.token = host.pointee.suspend.pointee.begin(call, 0, Relay.resolved, self)
        guard pointee.token.value != 0 else {
            host.pointee.resolver.pointee.cancel(host, lookup)
            return .failed(503)
        }
        pointee.hasWaited = true
        transaction.tell(TM_REQUEST_PENDING, Occurrence(request: message, branch: Int32(clamping: branchIndex)))
        return .answer(.suspended)
    }

    /// Says so when the function's transport is none of this server's: that is the config's mistake, not the address's.
    private func sayWhatIsMissing(_ call: Call) {
        let net = call.host.pointee.net
        let transport = pointee.target.transport
        guard transport != 0 else { return }
        for index in 0..<net.pointee.count(call.host) {
            guard let listener = net.pointee.at(call.host, index),
                let info = apus_listener_info.filled({ net.pointee.info(listener, $0) })
            else { continue }
            if info.transport == transport { return }
        }
        if let text = absence(of: transport) { return call.log(.error, text) }
        switch Int(transport) {
        case APUS_TCP: call.log(.error, "this server does not listen on TCP, so nothing leaves by it")
        default: call.log(.error, "this server does not listen on the transport that was asked for")
        }
    }

    private var branchIndex: UInt32 { pointee.branch?.pointee.index ?? 0 }

    /// The script does not want the branch.
    func discardBranch() {
        if let branch = pointee.branch { pointee.transaction.discard(branch) }
        pointee.branch = nil
    }

    /// The branch is given up: there is nowhere to send it. With `failure_exec_mode` it counts as one that nobody answered.
    func fail(_ call: Call, _ code: Int32) -> Relay.Step {
        let transaction = pointee.transaction
        let home = transaction.home
        let message = call.pointee.msg
        pointee.error = code
        switch code {
        case 477: home.messages.pointee.set_error(message, 477, "Send failed")
        case 478: home.messages.pointee.set_error(message, 478, "Unresolvable destination")
        case 503: home.messages.pointee.set_error(message, 503, "Too many requests wait")
        case 513: home.messages.pointee.set_error(message, 513, "Message Too Large")
        default: home.messages.pointee.set_error(message, CInt(code), "No destination")
        }
        if let branch = pointee.branch {
            if home.settings.pointee.failureExecMode != 0, code == 477 || code == 478,
                !pointee.target.options.contains(.replica)
            {
                pointee.sent += 1
                branch.pointee.finalDeadline = home.now &+ 1
                branch.armTimer(home.now)
            } else {
                transaction.discard(branch)
            }
        }
        pointee.branch = nil
        return .nextBranch
    }
}

extension Relay {
    /// The branch route has ended: the branch goes on, unless the script said drop.
    fileprivate static let routed: @convention(c) (Call, UnsafePointer<apus_route_end>) -> CInt = { call, end in
        guard let relay = end.pointee.user?.assumingMemoryBound(to: Relay.self) else { return .false }
        relay.forgetBranch(call)
        guard relay.mayGoOn else { return relay.go(call, from: .stop) }
        guard end.pointee.dropped == 0 else {
            relay.discardBranch()
            return relay.go(call, from: .nextBranch)
        }
        return relay.go(call, from: .findAddress)
    }

    /// The look-up is over: the run goes on.
    fileprivate static let found: @convention(c) (Host, UnsafeMutablePointer<apus_lookup>, CInt) -> Void = {
        host, lookup, status in
        guard let relay = lookup.pointee.user?.assumingMemoryBound(to: Relay.self) else { return }
        host.pointee.suspend.pointee.complete(host, relay.pointee.token, status, nil, nil)
    }

    fileprivate static let resolved: @convention(c) (Call, CInt, UnsafeMutableRawPointer?) -> CInt = {
        call, status, _ in
        guard let relay = call.host.pointee.suspend.pointee.user(call)?.assumingMemoryBound(to: Relay.self) else {
            return .false
        }
        if status == CInt(APUS_CANCELLED) {
            call.host.pointee.resolver.pointee.cancel(call.host, relay.pointer(to: \.lookup).unsafelyUnwrapped)
        }
        guard relay.mayGoOn else { return relay.go(call, from: .stop) }
        guard status == CInt(APUS_OK), relay.pointee.lookup.count > 0 else {
            return relay.go(call, from: .failed(478))
        }
        let transaction = relay.pointee.transaction
        transaction.home.dropBlocked(
            relay.pointer(to: \.lookup).unsafelyUnwrapped, method: transaction.pointee.method)
        return relay.go(call, from: .write)
    }
}
