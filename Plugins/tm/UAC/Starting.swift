import PluginKit

// Invariants: what a Parcel points to on the way are copies that live as long as it (worker->send).

/// A request of our own on its way to the worker where it belongs.
private struct Parcel {
    let state: UnsafeMutablePointer<State>
    let host: Host
    let asked: tm_request

    /// Posts it; false when that is impossible.
    mutating func send(to worker: UInt32) -> Bool {
        let members: [PartialKeyPath<tm_request>] = [
            \.method, \.uri, \.next_hop, \.from, \.to, \.callid, \.headers, \.body, \.body_type,
        ]
        let start = MemoryLayout<Parcel>.offset(of: \.asked)!
        let offsets = members.map { UInt32(start + MemoryLayout<tm_request>.offset(of: $0)!) }
        return offsets.withUnsafeBufferPointer { offsets in
            withUnsafeMutablePointer(to: &self) { parcel in
                var errand = apus_errand(
                    size: UInt32(MemoryLayout<apus_errand>.size), worker: worker, data: parcel,
                    count: MemoryLayout<Parcel>.size, texts: offsets.baseAddress, text_count: UInt32(offsets.count),
                    reserved: 0, run: Parcel.arrived)
                return parcel.pointee.host.pointee.worker.pointee.send(parcel.pointee.host, &errand) > 0
            }
        }
    }

    private static let arrived: @convention(c) (Host, UnsafeMutableRawPointer) -> CInt = { _, data in
        let parcel = data.assumingMemoryBound(to: Parcel.self)
        let asked = parcel.pointee.asked
        do throws(RequestFault) {
            guard let home = parcel.pointee.state.home else { throw RequestFault(500, "No worker") }
            let request = try OwnRequest(asked, home.messages)
            try home.start(request, for: parcel.pointee.host)
            return .true
        } catch {
            parcel.pointee.host.log(.error, "a request of our own was not sent: \(error.reason.string)")
            asked.release?(asked.user)
            return .false
        }
    }
}

extension UnsafeMutablePointer<State> {
    /// `tm_api.t_request`: starts a request of our own here, or on the worker where its Call-ID belongs.
    /// - Parameter host: of the module that asks, for its callbacks.
    func request(_ asked: tm_request, for host: Host) throws(RequestFault) {
        guard let own = pointee.host, pointee.homes != nil else { throw RequestFault(503, "Server is starting") }
        var request = try OwnRequest(asked, own.pointee.message)
        guard request.callID.isEmpty else { return try send(request, asked, for: host) }
        var memory: [32 of UInt8] = InlineArray(repeating: 0)
        // Typed throws do not pass through withUnsafeMutableBytes: the outcome is carried by hand.
        let fault = withUnsafeMutableBytes(of: &memory) { memory -> RequestFault? in
            request.callID = Identifiers.writeCallID(self, to: memory.baseAddress.unsafelyUnwrapped)
            do throws(RequestFault) {
                try send(request, asked, for: host)
                return nil
            } catch { return error }
        }
        if let fault { throw fault }
    }

    private func send(_ request: OwnRequest, _ asked: tm_request, for host: Host) throws(RequestFault) {
        guard let own = pointee.host else { throw RequestFault(503, "Server is starting") }
        let index = own.pointee.worker.pointee.home(own, request.callID)
        if let home, home.pointee.index == index { return try home.start(request, for: host) }
        guard request.dialog == nil else { throw RequestFault(500, "Dialog of another worker") }
        var copy = asked
        copy.callid = request.callID
        var parcel = Parcel(state: self, host: host, asked: copy)
        guard parcel.send(to: index) else { throw RequestFault(500, "Out of memory") }
    }
}

extension UnsafeMutablePointer<Home> {
    /// Makes the transaction of a request of our own and lets it leave. Everything that may go wrong from there on ends the transaction as
    /// a reply does: with TM_LOCAL_COMPLETED.
    fileprivate func start(_ given: OwnRequest, for host: Host) throws(RequestFault) {
        var request = given
        request.userAgent = settings.pointee.userAgent
        let asked = request.asked
        guard let transaction = begin(method: request.number(messages), hash: nil) else {
            throw RequestFault(503, "Too many transactions")
        }
        transaction.pointee.flags.insert(.local)
        if asked.flags & UInt32(TM_NO_ACK) != 0 { transaction.pointee.flags.insert(.noAutoAck) }
        if asked.flags & UInt32(TM_PASS_PROVISIONAL) != 0 { transaction.pointee.flags.insert(.passesProvisional) }
        guard let message = parse(request, transaction) else {
            transaction.end()
            throw RequestFault(400, "Bad headers")
        }
        transaction.pointee.request = message
        transaction.pointee.ownsRequest = true
        if asked.call != nil || asked.release != nil {
            let isRegistered = transaction.register(
                host, asked.kinds, asked.call ?? { _ in }, asked.user, asked.release)
            guard isRegistered else {
                transaction.end()
                throw RequestFault(500, "Out of memory")
            }
        }
        if asked.fr_timer != 0 { transaction.pointee.timers.fr = asked.fr_timer }
        if asked.fr_inv_timer != 0 { transaction.pointee.timers.frInvite = asked.fr_inv_timer }
        transaction.setLifetime(transaction.pointee.timers.lifetime)
        messages.pointee.send_through(message, asked.listener)
        setNextHop(of: message, request)
        pointee.host.bump(counters.pointee.uacTransactions)
        if let dialog = request.dialog {
            dialog.pointee.localCSeq = request.cseq
            transaction.pointee.flags.insert(.inDialog)
        }
        transaction.depart()
    }

    private func parse(_ request: OwnRequest, _ transaction: TransactionRef) -> OpaquePointer? {
        let capacity = request.capacity
        guard let piece = host.pointee.memory.pointee.allocate(host, capacity) else { return nil }
        defer { release(piece) }
        var out = Writer(piece, capacity: capacity)
        var memory: [64 of UInt8] = InlineArray(repeating: 0)
        let identity = Identity(place: transaction.pointee.place, secret: transaction.pointee.secret, branch: 0)
        withUnsafeMutableBytes(of: &memory) { memory in
            let start = memory.baseAddress.unsafelyUnwrapped
            var tag: [16 of UInt8] = InlineArray(repeating: 0)
            withUnsafeMutableBytes(of: &tag) { tag in
                let tag = Identifiers.writeTag(pointee.state, to: tag.baseAddress.unsafelyUnwrapped)
                request.write(write(identity, to: start), tag: tag, messages, to: &out)
            }
        }
        return out.overflowed ? nil : messages.pointee.parse(host, out.text)
    }

    /// Where it goes: as asked for, by the dialog, or by the first Route; by the Request-URI else.
    private func setNextHop(of message: OpaquePointer, _ request: OwnRequest) {
        var hop = request.asked.next_hop
        if hop.isEmpty, let dialog = request.dialog { hop = dialog.pointee.nextHop.text }
        if hop.isEmpty, let route = apus_header.filled({ messages.pointee.find(message, "Route", 0, $0) }),
            let first = apus_name_addr.filled({ messages.pointee.parse_name_addr(route.value, $0) })
        {
            hop = first.uri
        }
        if !hop.isEmpty { _ = messages.pointee.set_destination(message, hop) }
    }
}
