import Glibc

/// Callers and called sides of thousands of transactions in one thread: everything that it does is planned from a seed, and everything that
/// comes to it is checked.
final class StressDriver {
    enum Event {
        case begin(Int)
        case cancel(Int)
        /// The caller's own repetitions.
        case repeatRequest(Int)
        case ring(Int, leg: Int)
        case ringLate(Int, leg: Int)
        case final(Int, leg: Int)
        /// 487 after a CANCEL.
        case terminate(Int, leg: Int)
        case repeatFinal(Int, leg: Int)

        var call: Int {
            switch self {
            case .begin(let index), .cancel(let index), .repeatRequest(let index), .ring(let index, _),
                .ringLate(let index, _), .final(let index, _), .terminate(let index, _), .repeatFinal(let index, _):
                index
            }
        }
    }

    let callers: [DatagramSocket]
    /// One for each leg.
    let called: [DatagramSocket]
    let server: Address
    private let port: UInt16
    private(set) var figures = StressFigures()
    /// What was seen that must not be; the first ones.
    private(set) var faults: [String] = []
    private(set) var faultCount = 0
    private var calls: [StressCall] = []
    private var agenda = Agenda<Event>()
    private var now: UInt64 = 0
    private var open = 0
    private let patience: UInt64 = 400

    init(server: Address, called: [DatagramSocket], seed: UInt64, count: Int) throws {
        callers = try (0..<8).map { _ in try DatagramSocket() }
        self.called = called
        self.server = server
        port = server.port
        var dice = Dice(seed: seed)
        for index in 0..<count {
            calls.append(StressCall(plan: CallPlan(&dice), socket: index % 8))
            calls[index].request = request(index)
        }
    }

    // MARK: - Running

    /// - Parameters:
    ///   - window: transactions under way at a time.
    ///   - limit: none is begun after so many ms; those under way get a minute.
    /// - Returns: how many were begun.
    func run(window: Int, limit: UInt64) -> Int {
        let start = clock()
        var begun = 0
        now = start
        while now < start + limit + 60_000 {
            while open < window, begun < calls.count, now < start + limit {
                agenda.add(.begin(begun), at: now)
                begun += 1
                open += 1
            }
            while let event = agenda.take(at: now) { watch(event.call) { happen(event) } }
            guard open > 0 || (begun < calls.count && now < start + limit) else { break }
            receive()
            now = clock()
        }
        figures.milliseconds = clock() - start
        for index in 0..<begun {
            figures.count(calls[index])
            if let fault = calls[index].fault { complain("\(index) (\(calls[index].plan.user)): \(fault)") }
        }
        return begun
    }

    private func clock() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1000 + UInt64(time.tv_nsec) / 1_000_000
    }

    private func complain(_ text: String) {
        faultCount += 1
        if faults.count < 20 { faults.append(text) }
    }

    private func send(_ bytes: [UInt8], from socket: DatagramSocket) {
        figures.sent += 1
        socket.send(bytes, to: server)
    }

    /// Waits for datagrams until the next event, and deals with them.
    private func receive() {
        let sockets = callers + called
        var polls = sockets.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
        let pause = agenda.soonest.map { $0 > now ? min($0 - now, 50) : 0 } ?? 50
        guard poll(&polls, nfds_t(polls.count), Int32(pause)) > 0 else { return }
        for index in polls.indices where polls[index].revents != 0 {
            for _ in 0..<32 {
                guard let bytes = sockets[index].receive() else { break }
                figures.received += 1
                now = clock()
                let wire = Wire(bytes)
                guard let number = wire.call, calls.indices.contains(number) else {
                    complain("not of ours: \(String(decoding: bytes.prefix(200), as: UTF8.self))")
                    continue
                }
                watch(number) {
                    if index < 8 { hear(wire, number) } else { serve(wire, number, side: index - 8) }
                }
            }
        }
    }

    /// Does something that may complete a transaction, or find that it was not.
    private func watch(_ index: Int, _ body: () -> Void) {
        let wasComplete = calls[index].isComplete
        body()
        let isComplete = calls[index].isComplete
        if wasComplete != isComplete { open += isComplete ? -1 : 1 }
    }

    // MARK: - Events

    private func happen(_ event: Event) {
        switch event {
        case .begin(let index): begin(index)
        case .cancel(let index): cancel(index)
        case .repeatRequest(let index): repeatRequest(index)
        case .ring(let index, let leg): provisional(index, leg, 180)
        case .ringLate(let index, let leg): provisional(index, leg, 183)
        case .final(let index, let leg):
            let plan = calls[index].plan.branches[leg]
            if plan.holds, calls[index].legs[leg].final == 0 {
                complain("\(index) (\(calls[index].plan.user)): branch \(leg) was left ringing")
            }
            answer(index, leg, plan.holds ? 480 : plan.final)
        case .terminate(let index, let leg): answer(index, leg, 487)
        case .repeatFinal(let index, let leg): repeatFinal(index, leg)
        }
    }

    private func begin(_ index: Int) {
        calls[index].hasBegun = true
        for _ in 0..<(calls[index].plan.repeats ? 2 : 1) {
            send(calls[index].request, from: callers[calls[index].socket])
        }
        if calls[index].plan.repeats { figures.race("request sent twice") }
        agenda.add(.repeatRequest(index), at: now + patience)
        if let after = calls[index].plan.cancelAfter { agenda.add(.cancel(index), at: now + UInt64(after)) }
    }

    private func cancel(_ index: Int) {
        guard calls[index].finals.isEmpty else { return }
        if calls[index].plan.cancelsFromElsewhere, !calls[index].hasHeard {
            // From there it could overtake the INVITE.
            return agenda.add(.cancel(index), at: now + 2)
        }
        if !calls[index].cancelSent { figures.race(calls[index].hasHeard ? "CANCEL" : "CANCEL before the 100") }
        calls[index].cancelSent = true
        let elsewhere = calls[index].plan.cancelsFromElsewhere ? 3 : 0
        let text = followUp(index, "CANCEL", tag: "")
        for _ in 0..<(calls[index].plan.repeats ? 2 : 1) {
            send(text, from: callers[(calls[index].socket + elsewhere) % 8])
        }
    }

    private func repeatRequest(_ index: Int) {
        let call = calls[index]
        guard call.repetitions < 60, !call.isComplete else { return }
        if call.finals.isEmpty, call.plan.isInvite ? !call.hasHeard : true {
            send(call.request, from: callers[call.socket])
            figures.race("request repeated")
        }
        if call.cancelSent, !call.cancelAnswered {
            send(followUp(index, "CANCEL", tag: ""), from: callers[call.socket])
            figures.race("CANCEL repeated")
        }
        calls[index].repetitions += 1
        agenda.add(.repeatRequest(index), at: now + patience)
    }

    private func provisional(_ index: Int, _ leg: Int, _ status: Int) {
        // 183 comes late on purpose.
        guard status == 183 || calls[index].legs[leg].final == 0 else { return }
        if calls[index].legs[leg].final > 0 { figures.race("provisional behind the final reply") }
        calls[index].legs[leg].hasReplied = true
        let bytes = response(index, leg, status)
        if calls[index].legs[leg].final == 0 { calls[index].legs[leg].lastReply = bytes }
        send(bytes, from: called[leg])
    }

    private func answer(_ index: Int, _ leg: Int, _ status: Int) {
        guard calls[index].legs[leg].final == 0 else { return }
        if calls[index].legs[leg].isCancelled, status < 300 { figures.race("2xx of a cancelled branch") }
        if !calls[index].plan.isInvite, status == 487 { return }
        let bytes = response(index, leg, status)
        calls[index].legs[leg].final = status
        calls[index].legs[leg].hasReplied = true
        calls[index].legs[leg].lastReply = bytes
        send(bytes, from: called[leg])
        let plan = calls[index].plan.branches[leg]
        if plan.repeats {
            figures.race("final reply repeated at once")
            send(bytes, from: called[leg])
        }
        if plan.ringsLate { agenda.add(.ringLate(index, leg: leg), at: now) }
        agenda.add(.repeatFinal(index, leg: leg), at: now + patience)
    }

    private func repeatFinal(_ index: Int, _ leg: Int) {
        let state = calls[index].legs[leg]
        guard state.repetitions < 60, calls[index].plan.isInvite, state.needsACK else { return }
        figures.race("final reply repeated")
        calls[index].legs[leg].repetitions += 1
        send(state.lastReply, from: called[leg])
        agenda.add(.repeatFinal(index, leg: leg), at: now + patience)
    }

    // MARK: - The caller

    private func hear(_ wire: Wire, _ index: Int) {
        guard wire.status >= 100 else { return complain("\(index): a request to the caller") }
        if wire.method == "CANCEL" {
            guard wire.status == 200, calls[index].cancelSent else {
                return complain("\(index) (\(calls[index].plan.user)): CANCEL answered \(wire.status)")
            }
            calls[index].cancelAnswered = true
            return
        }
        calls[index].hasHeard = true
        guard wire.status >= 200 else { return }
        let tag = wire.toTag
        if tag.isEmpty { complain("\(index): \(wire.status) without a To tag") }
        if !calls[index].finals.contains(where: { $0.status == wire.status && $0.tag == tag }) {
            calls[index].finals.append((wire.status, tag))
        }
        guard calls[index].plan.isInvite else { return }
        send(followUp(index, "ACK", tag: tag, isAnswered: wire.status < 300), from: callers[calls[index].socket])
    }

    // MARK: - The called sides

    private func serve(_ wire: Wire, _ index: Int, side: Int) {
        guard wire.status == 0 else { return serveReply(wire, index, side) }
        let leg = wire.leg
        guard leg == side else { return complain("\(index): a request of branch \(leg) came to \(side)") }
        switch wire.method {
        case "ACK": acknowledge(wire, index, leg)
        case "CANCEL": cancelled(wire, index, leg)
        default: request(wire, index, leg)
        }
    }

    private func serveReply(_ wire: Wire, _ index: Int, _ side: Int) {
        complain("\(index): a reply \(wire.status) to the called side \(side)")
    }

    private func request(_ wire: Wire, _ index: Int, _ leg: Int) {
        guard !calls[index].legs[leg].isReached else {
            let last = calls[index].legs[leg].lastReply
            figures.race("request repeated by the server")
            if !last.isEmpty { send(last, from: called[leg]) }
            return
        }
        calls[index].legs[leg].vias = wire.vias
        let plan = calls[index].plan.branches[leg]
        if let ring = plan.ring { agenda.add(.ring(index, leg: leg), at: now + UInt64(ring)) }
        // Everything that makes an end of a call has happened long before.
        agenda.add(.final(index, leg: leg), at: now + (plan.holds ? 20_000 : UInt64(plan.finalAfter)))
    }

    private func cancelled(_ wire: Wire, _ index: Int, _ leg: Int) {
        let reply = response(index, leg, 200, method: "CANCEL", vias: wire.vias)
        send(reply, from: called[leg])
        let state = calls[index].legs[leg]
        // RFC 3261 section 9.1: no CANCEL before a provisional reply.
        if !state.hasReplied { complain("\(index): CANCEL to branch \(leg), which has not replied") }
        guard !state.isCancelled else { return }
        calls[index].legs[leg].isCancelled = true
        guard state.final == 0 else { return figures.race("CANCEL crossed a branch's final reply") }
        switch calls[index].plan.branches[leg].onCancel {
        case .answers: answer(index, leg, 200)
        case .terminates(let after): agenda.add(.terminate(index, leg: leg), at: now + UInt64(after))
        }
    }

    private func acknowledge(_ wire: Wire, _ index: Int, _ leg: Int) {
        let expected = StressCall.tag(leg, calls[index].legs[leg].final)
        guard wire.toTag == expected else {
            return complain("\(index): ACK for \(wire.toTag) where \(expected) was sent")
        }
        calls[index].legs[leg].isAcknowledged = true
    }
}

// MARK: - Messages

extension StressDriver {
    private func lines(_ index: Int) -> String {
        "From: <sip:caller@\(callers[calls[index].socket].address)>;tag=c\(index)\r\nCall-ID: \(index)@stress\r\n"
    }

    fileprivate func request(_ index: Int) -> [UInt8] {
        let call = calls[index]
        let method = call.plan.isInvite ? "INVITE" : "MESSAGE"
        let sender = callers[call.socket].address
        return Array(
            """
            \(method) sip:\(call.plan.user)@\(server) SIP/2.0\r
            Via: SIP/2.0/UDP \(sender);branch=z9hG4bKs\(index)\r
            Max-Forwards: 70\r
            \(lines(index))To: <sip:called@stress>\r
            CSeq: 1 \(method)\r
            Contact: <sip:caller@\(sender)>\r
            Content-Length: 0\r
            \r

            """.utf8)
    }

    /// CANCEL and the ACK to a negative reply go where the INVITE went, with its branch; the ACK to a 2xx has its own, and goes to the
    /// called side's Contact.
    fileprivate func followUp(_ index: Int, _ method: String, tag: String, isAnswered: Bool = false) -> [UInt8] {
        let call = calls[index]
        var uri = "sip:\(call.plan.user)@\(server)"
        if isAnswered, let digit = tag.dropFirst(3).first, let leg = Int(String(digit)), leg < 4 {
            uri = "sip:\(leg)@\(called[leg].address)"
        }
        return Array(
            """
            \(method) \(uri) SIP/2.0\r
            Via: SIP/2.0/UDP \(callers[call.socket].address);branch=z9hG4bKs\(index)\(isAnswered ? "a" + tag : "")\r
            Max-Forwards: 70\r
            \(lines(index))To: <sip:called@stress>\(tag.isEmpty ? "" : ";tag=" + tag)\r
            CSeq: 1 \(method)\r
            Content-Length: 0\r
            \r

            """.utf8)
    }

    fileprivate func response(
        _ index: Int, _ leg: Int, _ status: Int, method: String? = nil, vias: [UInt8]? = nil
    ) -> [UInt8] {
        let call = calls[index]
        let method = method ?? (call.plan.isInvite ? "INVITE" : "MESSAGE")
        // A refusal has another tag than what rings: a caller can tell them apart, and the checks, too.
        let tag = StressCall.tag(leg, status)
        return Array("SIP/2.0 \(status) Stress\r\n".utf8) + (vias ?? call.legs[leg].vias)
            + Array(
                """
                \(lines(index))To: <sip:called@stress>;tag=\(tag)\r
                CSeq: 1 \(method)\r
                Contact: <sip:\(leg)@\(called[leg].address)>\r
                Content-Length: 0\r
                \r

                """.utf8)
    }
}
