import Glibc
import PluginAPI

// Invariants: a Space that is taken here is given back exactly once: at once when no script runs, else in `routeEnded`, else
// when a look-up for a reply is over. `received` may be read after `receive` has returned only when the space is kept.

/// The way of a message: bytes → message → hooks → script → end. On the message's home worker.
extension UnsafeMutablePointer<ServerWorker> {
    /// A datagram or a stream's message has arrived.
    func receive(_ slot: UnsafeMutablePointer<Received>) {
        pointee.arriving = slot
        defer { pointee.arriving = nil }
        let space = takeSpace(slot)
        let counters = pointee.shared.pointee.counters
        pointee.number &+= 1
        let message = space.message
        var bytes = slot.pointee.bytes
        if seesReceived {
            guard let shown = showReceived(slot, space) else { return throwAway(space) }
            bytes = shown
        }
        let result = Message.parse(
            bytes, record: message.record, arena: space.pointer(to: \.arena).unsafelyUnwrapped)
        note(slot, in: message)
        if slot.pointee.fault != .none {
            // Its stream ends with it.
            message.routing.options.insert(.replyClose)
            let fault = result.fault == .notSIP ? .notSIP : slot.pointee.fault
            refuse(space, ParseResult(fault: fault, isReplyAllowed: result.isReplyAllowed))
        } else if bytes.count > pointee.shared.pointee.maxMessage {
            refuse(space, ParseResult(fault: .tooLarge, isReplyAllowed: result.isReplyAllowed))
        } else if !result.isAccepted {
            refuse(space, result)
        } else if message.isRequest, message.originalURI == nil {
            // Scripts would find out one by one; RFC 3261 §21.4.1 wants a 400.
            bump(counters.badURIs)
            refuse(space, ParseResult(fault: .requestURI, isReplyAllowed: result.isReplyAllowed))
        } else if message.isRequest {
            noteAlias(of: message)
            countUserAgent(of: message)
            bump(counters.rcvRequests)
            bump(counters.method(message.method))
            receiveRequest(space)
        } else {
            countUserAgent(of: message)
            bump(counters.rcvReplies)
            bump(counters.replyClass(message.statusCode))
            if let own = counters.reply(message.statusCode) { bump(own) }
            if pointee.shared.pointee.replies.areCounted { countReceived(message) }
            receiveReply(space)
        }
    }

    /// What somebody who saw its bytes does not want.
    private func throwAway(_ space: UnsafeMutablePointer<Space>) {
        bump(pointee.shared.pointee.counters.dropRequests)
        giveBack(space)
    }

    func note(_ slot: UnsafeMutablePointer<Received>, in message: Message) {
        message.record.pointee.owner = .server
        message.routing.source = slot.pointee.flow.remote
        message.routing.destination = slot.pointee.flow.local
        message.routing.receivedOn = slot.pointee.flow.listener.raw
        message.routing.connection = slot.pointee.flow.connection
        message.routing.number = pointee.number
        if pointee.settings.forcesRport { message.routing.options.insert(.forceRport) }
        if pointee.shared.pointee.asksForRport { message.routing.options.insert(.addLocalRport) }
    }

    /// RFC 5923: the client takes requests over this connection as if they came to the port in its Via.
    @inline(__always)
    private func noteAlias(of message: Message) {
        guard message.routing.connection != 0, pointee.worker.pointee.streams.pointee.options.acceptsAliases,
            let via = message.topVia, via.parameters["alias"] != nil
        else { return }
        _ = pointee.worker.addAlias(
            ConnectionID(raw: message.routing.connection), port: via.port == 0 ? 5060 : via.port)
    }

    /// A request or reply of ours was taken by the transport, and could not be sent: modules that keep state of it are told.
    func undelivered(_ flow: Flow, _ bytes: Bytes, _ code: Int32) {
        Log.limited(.warning, "a message cannot be delivered", source: flow.remote) { line in
            line.add(": ")
            line.add(error: SystemError(code: code))
        }
        pointee.shared.pointee.host.pointee.undelivered.tell(flow, bytes, code)
    }

    /// A message that is none: answered where RFC 3261 allows it, else dropped; counted and logged in any case.
    @inline(never)
    private func refuse(_ space: UnsafeMutablePointer<Space>, _ result: ParseResult) {
        let message = space.message
        let counters = pointee.shared.pointee.counters
        bump(message.isRequest ? counters.errRequests : counters.errReplies)
        if result.fault == .notSIP { bump(counters.notSIP) }
        let isSilent = pointee.script.pointee.main.receiveParseError.map { runShort($0, on: message).dropped } ?? false
        if !isSilent {
            Log.limited(pointee.settings.refusalLevel, "a message is refused", source: message.routing.source) {
                line in
                line.add(": ")
                line.add(result.fault.reason)
            }
        }
        if result.isReplyAllowed {
            _ = StatelessReply.refuse(message, result.fault.statusCode, result.fault.reason)
        } else {
            bump(message.isRequest ? counters.dropRequests : counters.dropReplies)
        }
        giveBack(space)
    }

    /// The server is about to end.
    @inline(never)
    private func refuseToBegin(_ space: UnsafeMutablePointer<Space>) {
        _ = StatelessReply.refuse(space.message, 503, "Service Unavailable", headers: "Retry-After: 5\r\n")
        giveBack(space)
    }

    // MARK: - Requests

    private func receiveRequest(_ space: UnsafeMutablePointer<Space>) {
        if pointee.inFlight.count > 0, isAbsorbed(space) { return }
        if pointee.shared.pointee.isDraining.load(ordering: .relaxed) { return refuseToBegin(space) }
        routeRequest(space)
    }

    /// Hooks, then the script.
    func routeRequest(_ space: UnsafeMutablePointer<Space>) {
        guard passes(.request, space) else { return leave(space) }
        if pointee.locks != nil, waitsForItsCall(space) { return }
        runRequest(space)
    }

    func runRequest(_ space: UnsafeMutablePointer<Space>) {
        space.pointee.phase = .main
        begin(space)
        if let preRouting = pointee.script.pointee.main.preRouting {
            space.pointee.phase = .preRouting
            enter(space, preRouting)
        } else {
            enterMain(space)
        }
    }

    /// The main block of the message's kind.
    private func enterMain(_ space: UnsafeMutablePointer<Space>) {
        space.pointee.phase = .main
        // The run may have begun with an older script than is in force by now.
        if let main = space.pointee.run?.pointee.image.pointee.main,
            let route = space.message.isRequest ? main.request : main.reply
        {
            return enter(space, route)
        }
        if space.message.isRequest {
            Log.limited(
                .error, "a request is dropped: the script has no request_route", source: space.message.routing.source)
            finish(space)
        } else {
            replyRouted(space)
        }
    }

    private func begin(_ space: UnsafeMutablePointer<Space>) {
        guard let image = pointee.script.pointee.inForce else { return }
        space.pointee.run = pointee.script.begin(image, message: space.message, context: space) { run in
            let run = run.assumingMemoryBound(to: Run.self)
            guard let space = run.pointee.context?.assumingMemoryBound(to: Space.self) else { return }
            space.pointee.worker.routeEnded(space, run.pointee.end)
        }
        if let run = space.pointee.run { setLogPrefix(of: run) }
    }

    /// What stands before the lines that the run logs (log_prefix), by its message as it is now.
    @inline(__always)
    func setLogPrefix(of run: UnsafeMutablePointer<Run>) {
        guard let prefix = pointee.shared.pointee.logPrefix else { return }
        run.pointee.logPrefix = run.expand(prefix) ?? apus_str()
    }

    private func enter(_ space: UnsafeMutablePointer<Space>, _ route: UnsafePointer<CompiledRoute>) {
        guard let run = space.pointee.run else { return }
        let latency = pointee.script.pointee.latency
        if let limit = latency.block {
            let kind: StaticString = space.message.isRequest ? "request-route" : "reply-route"
            Latency.time(kind, limit: limit, latency.blockLevel) { run.enter(route) }
        } else {
            run.enter(route)
        }
        // The run may be over, and the space given back, or used again: only a run that waits is looked at.
        if run.pointee.state == .suspended, run.pointee.context == UnsafeMutableRawPointer(space) { nowWaits(space) }
    }

    /// A route of the message's run has ended, perhaps long after `receive` returned.
    private func routeEnded(_ space: UnsafeMutablePointer<Space>, _ end: Run.End) {
        let message = space.message
        let counters = pointee.shared.pointee.counters
        if space.pointee.phase == .preRouting {
            if end.dropped || end.failed {
                bump(message.isRequest ? counters.dropRequests : counters.dropReplies)
                return finish(space)
            }
            return enterMain(space)
        }
        if message.isRequest {
            if end.dropped { bump(counters.dropRequests) }
            if end.failed { bump(counters.errRequests) }
            _ = pointee.shared.pointee.host.pointee.hooks.run(.requestEnded, message)
            finish(space)
        } else if end.dropped || end.failed || end.code == 0 || (end.code < 0 && !end.exited) {
            if end.code < 0, !end.dropped, !end.failed {
                Log.limited(.warning, "reply_route drops a reply", source: message.routing.source) { line in
                    line.add(": it answered ")
                    line.add(Int(end.code))
                }
            }
            bump(counters.dropReplies)
            finish(space)
        } else {
            replyRouted(space)
        }
    }

    /// The message is dealt with.
    func finish(_ space: UnsafeMutablePointer<Space>) {
        if let run = space.pointee.run { pointee.script.finish(run) }
        let cancels = space.pointee.cancels
        space.pointee.cancels = nil
        giveBack(space)
        resume(cancels)
    }

    // MARK: - Replies

    private func receiveReply(_ space: UnsafeMutablePointer<Space>) {
        let message = space.message
        let counters = pointee.shared.pointee.counters
        if pointee.shared.pointee.checksVia, !isOurs(message.topVia) {
            bump(counters.dropReplies)
            return giveBack(space)
        }
        guard passes(.reply, space) else { return leave(space) }
        if pointee.locks != nil, waitsForItsCall(space) { return }
        runReply(space)
    }

    func runReply(_ space: UnsafeMutablePointer<Space>) {
        let routes = pointee.script.pointee.main
        if routes.preRouting == nil, routes.reply == nil { return replyRouted(space) }
        begin(space)
        if let preRouting = routes.preRouting {
            space.pointee.phase = .preRouting
            enter(space, preRouting)
        } else {
            enterMain(space)
        }
    }

    private func isOurs(_ via: Via?) -> Bool {
        guard let via else { return false }
        return pointee.shared.pointee.listeners.takeUnretainedValue().isMyself(
            host: via.host, port: via.port == 0 ? 5060 : via.port)
    }

    /// reply_route has let the reply pass: a module takes it, or it goes on by its second Via.
    private func replyRouted(_ space: UnsafeMutablePointer<Space>) {
        guard passes(.replyRouted, space) else { return leave(space) }
        forwardReply(space)
    }
}
