import CLinux
import Glibc

// Invariants: a message is given to one connection, or to the worker that has it, or refused.

extension UnsafeMutablePointer<Worker> {
    /// Sends a message over the flow's connection, else over any other one to that address, else over a new one (RFC 3261 §18.1.1, §18.2.2).
    /// Never blocks. What fails later `WorkerHooks.undelivered` tells.
    /// - Returns: 0 when it was taken, or an errno.
    func sendOverStream(_ flow: Flow, _ bytes: UnsafePointer<UInt8>, _ count: Int) -> Int32 {
        let streams = pointee.streams
        if flow.connection != 0 {
            let id = ConnectionID(raw: flow.connection)
            if id.worker != pointee.index { return handOver(flow, bytes, count, to: id.worker) }
            if let connection = streams.pointee.connection(id), connection.takesMessages {
                let code = put(connection, flow, bytes, count)
                if code == 0 || code == ENOBUFS { return code }
            }
        }
        if let id = findConnection(flow) {
            if id.worker != pointee.index { return handOver(flow, bytes, count, to: id.worker) }
            if let connection = streams.pointee.connection(id), connection.takesMessages {
                let code = put(connection, flow, bytes, count)
                // The peer has closed it, and nobody knew: a new one may do.
                if code == 0 || code == ENOBUFS { return code }
            }
        }
        var code: Int32 = 0
        guard let connection = openConnection(flow, &code) else { return code }
        return put(connection, flow, bytes, count)
    }

    /// Another worker has the connection.
    private func handOver(
        _ flow: Flow, _ bytes: UnsafePointer<UInt8>, _ count: Int, to worker: Int
    ) -> Int32 {
        guard worker < pointee.count else { return EINVAL }
        guard let message = makeMessage(flow, bytes, count) else { return ENOBUFS }
        pointee.mailboxes[worker].post(message.node)
        return 0
    }

    /// Sends what another worker wants to be sent; it may have been told of a connection that is no more.
    func dispatch(_ message: UnsafeMutablePointer<StreamMessage>) {
        let streams = pointee.streams
        let flow = message.pointee.flow
        if flow.connection != 0, let connection = streams.pointee.connection(ConnectionID(raw: flow.connection)),
            connection.takesMessages
        {
            return put(connection, message)
        }
        if let id = findConnection(flow), id.worker == pointee.index,
            let connection = streams.pointee.connection(id), connection.takesMessages
        {
            return put(connection, message)
        }
        var code: Int32 = 0
        guard let connection = openConnection(flow, &code) else { return fail(message, code) }
        put(connection, message)
    }

    private func findConnection(_ flow: Flow) -> ConnectionID? {
        let shared = pointee.streams.pointee.shared
        return shared.pointee.table.find(
            flow.remote, flow.listener, only: pointee.streams.pointee.options.matchesListener, worker: pointee.index)
    }

    // MARK: - Opening

    /// Begins to connect; what is put into the connection waits until it stands.
    /// - Returns: nil and an errno.
    private func openConnection(_ flow: Flow, _ code: inout Int32) -> UnsafeMutablePointer<Connection>? {
        let shared = pointee.streams.pointee.shared
        let options = pointee.streams.pointee.options
        guard !flow.options.contains(.noConnect), !options.neverConnects else {
            code = ENOTCONN
            return nil
        }
        guard shared.pointee.connections.load(ordering: .relaxed) < options.maxConnections else {
            pointee.shard.bump(shared.pointee.counters.localReject)
            code = ENFILE
            return nil
        }
        var fd: Int32 = -1
        var local = SocketAddress()
        do throws(SystemError) {
            fd = try Syscalls.socket(Int32(flow.remote.family), .stream)
            TCP.prepare(fd, flow.remote, options)
            let source = sourceAddress(flow)
            if !source.isNone { try Syscalls.bind(fd, source) }
            let result = Syscalls.beginConnecting(fd, flow.remote)
            guard result == 0 || result == -EINPROGRESS else { throw SystemError(code: -result) }
            local = try Syscalls.boundAddress(fd)
        } catch {
            if fd >= 0 { Syscalls.close(fd) }
            pointee.shard.bump(shared.pointee.counters.connectFailed)
            code = error.code
            return nil
        }
        // What comes back over it came to the listener.
        local.port = flow.listener.address.port
        let connection = adopt(
            fd, flow.listener, remote: flow.remote, local: local, isOutgoing: true, isAdmitted: false,
            isConnected: false)
        if connection == nil { code = ENOMEM }
        return connection
    }

    /// The address to connect from, with any port; none: as the kernel chooses.
    private func sourceAddress(_ flow: Flow) -> SocketAddress {
        let forced =
            flow.remote.isV4 ? pointee.streams.pointee.options.source4 : pointee.streams.pointee.options.source6
        var source = forced.isNone ? (flow.listener.isWildcard ? flow.local : flow.listener.address) : forced
        guard source.family == flow.remote.family, !source.isWildcard else { return SocketAddress() }
        source.port = 0
        return source
    }

    /// The attempt to connect has an outcome.
    func connected(_ connection: UnsafeMutablePointer<Connection>) {
        let counters = pointee.streams.pointee.shared.pointee.counters
        let code = (try? Syscalls.option(connection.pointee.fd, Int(SOL_SOCKET), SO_ERROR)) ?? EIO
        guard code == 0 else {
            pointee.shard.bump(counters.connectFailed)
            return close(connection, code)
        }
        pointee.shard.bump(counters.connectSuccess)
        pointee.shard.bump(counters.established)
        connection.pointee.phase = .open
        connection.pointee.connectDeadline = StreamOptions.forever
        connection.pointee.entry.pointee.phase.store(ConnectionEntry.Phase.open.rawValue, ordering: .relaxed)
        touch(connection)
        watch(connection, EPOLLIN.rawValue)
        flush(connection)
        if !connection.isClosed { arm(connection) }
    }

    // MARK: - Aliases

    /// Requests to that port of the connection's peer use it, too (RFC 5923). The worker need not be the connection's.
    /// - Returns: false when memory is out.
    func addAlias(_ id: ConnectionID, port: UInt16) -> Bool {
        guard id.worker < pointee.count else { return false }
        if id.worker == pointee.index {
            addOwnAlias(id, port)
            return true
        }
        return ask(id, port: port)
    }

    /// Ends a connection when what waits in it is written. The worker need not be the connection's.
    /// - Returns: false when there is none such, or memory is out.
    func endConnection(_ id: ConnectionID) -> Bool {
        guard id.worker < pointee.count, pointee.streams.pointee.shared.pointee.open.isOpen(id) else { return false }
        guard id.worker == pointee.index else { return ask(id, port: 0) }
        if let connection = pointee.streams.pointee.connection(id) { end(connection) }
        return true
    }

    private func ask(_ id: ConnectionID, port: UInt16) -> Bool {
        guard let piece = pointee.slab.allocate(MemoryLayout<ConnectionRequest>.stride) else { return false }
        let request = piece.bindMemory(to: ConnectionRequest.self, capacity: 1)
        request.initialize(
            to: ConnectionRequest(
                node: MailNode(receive: Worker.connectionAsked), id: id, port: port,
                sender: UInt16(truncatingIfNeeded: pointee.index)))
        pointee.mailboxes[id.worker].post(piece.assumingMemoryBound(to: MailNode.self))
        return true
    }

    fileprivate func addOwnAlias(_ id: ConnectionID, _ port: UInt16) {
        guard let connection = pointee.streams.pointee.connection(id), connection.pointee.phase == .open,
            connection.pointee.aliasCount < 4
        else { return }
        var address = connection.pointee.flow.remote
        guard address.port != port else { return }
        address.port = port
        for i in 0..<connection.pointee.aliasCount where connection.pointee.aliases[i]?.pointee.address == address {
            return
        }
        guard let memory = pointee.slab.allocate(MemoryLayout<ConnectionEntry>.stride) else { return }
        let entry = memory.bindMemory(to: ConnectionEntry.self, capacity: 1)
        entry.initialize(
            to: ConnectionEntry(
                id: id, listener: connection.pointee.flow.listener, address: address,
                remote: connection.pointee.flow.remote, local: connection.pointee.flow.local,
                isOutgoing: connection.pointee.isOutgoing, isAlias: true, phase: .open, now: pointee.clock.now))
        connection.pointee.aliases[connection.pointee.aliasCount] = entry
        connection.pointee.aliasCount += 1
        pointee.streams.pointee.shared.pointee.table.link(entry)
    }
}

/// What is wanted of a connection of another worker. A piece of its sender's slab.
private struct ConnectionRequest {
    var node: MailNode
    let id: ConnectionID
    /// Of an alias; 0: the connection is to end.
    let port: UInt16
    let sender: UInt16
}

extension Worker {
    fileprivate static let connectionAsked: Mailbox.Callback = { raw, node in
        let worker = raw.assumingMemoryBound(to: Worker.self)
        let request = node.assumingMemoryBound(to: ConnectionRequest.self)
        if request.pointee.port != 0 {
            worker.addOwnAlias(request.pointee.id, request.pointee.port)
        } else if let connection = worker.pointee.streams.pointee.connection(request.pointee.id) {
            worker.end(connection)
        }
        request.pointee.node.receive = Worker.messageCameHome
        worker.pointee.mailboxes[Int(request.pointee.sender)].giveBack(node.assumingMemoryBound(to: MailNode.self))
    }
}
