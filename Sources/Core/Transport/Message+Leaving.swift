// Invariants: a writer's buffer belongs to the caller; texts that late edits produce are written there and nowhere else.

/// Messages as they leave by one of our listeners: what the writers of the Message room, which know no listener, need of it.
extension Message {
    /// What the script wants of the connection that the request is forwarded over.
    var forwardOptions: Flow.Options {
        var options: Flow.Options = []
        if routing.options.contains(.forwardNoConnect) { options.insert(.noConnect) }
        if routing.options.contains(.forwardClose) { options.insert(.closeAfterwards) }
        return options
    }

    /// Writes the request as it is forwarded by that listener, with our Via on top: its sent-by is what the message says (`set_advertised_address`),
    /// else what the listener advertises (RFC 3261 §18.1.1).
    ///
    /// - Parameters:
    ///   - branch: of our Via, with its magic cookie.
    ///   - viaParams: further parameters of our Via with their semicolons.
    ///   - uri: nil: the Request-URI in force.
    ///   - path: Route values to put in front; nil: those of the routing.
    /// - Returns: bytes written; nil when they do not fit.
    func writeRequest(
        into buffer: UnsafeMutableRawBufferPointer, leavingBy listener: Listener, branch: Bytes,
        viaParams: Bytes = .empty, uri: Bytes? = nil, path: Bytes? = nil
    ) -> Int? {
        var via = OutgoingVia(
            transport: Bytes(listener.proto.viaName), host: listener.advertisedHost, port: listener.advertisedPort,
            branch: branch, asksForRport: routing.options.contains(.addLocalRport), params: viaParams)
        if let host = routing.advertisedAddress { via.host = host }
        if routing.advertisedPort != 0 { via.port = routing.advertisedPort }
        if let host = routing.viaHost { via.host = host }
        if routing.viaPort != 0 { via.port = routing.viaPort }
        via.messageParams = routing.viaParams
        let count = writeRequest(into: buffer, via: via, uri: uri, path: path) { edit, out in
            LateText.write(edit, of: self, leavingBy: listener.raw, to: &out)
        }
        if let count, let worker = Worker.current, worker.pointee.looksAtWritten, let start = buffer.baseAddress {
            worker.pointee.hooks.wrote(worker, start.assumingMemoryBound(to: UInt8.self), count)
        }
        return count
    }

    /// Writes the reply as it is passed on by that listener: without its topmost Via.
    ///
    /// - Returns: bytes written; nil when they do not fit, or when there is no second Via to go to.
    func writeForwardedReply(into buffer: UnsafeMutableRawBufferPointer, leavingBy listener: Listener) -> Int? {
        writeForwardedReply(into: buffer) { edit, out in
            LateText.write(edit, of: self, leavingBy: listener.raw, to: &out)
        }
    }

    /// Writes the message with its edits and nothing else, as it leaves by that listener.
    ///
    /// - Returns: bytes written; nil when they do not fit.
    func writeEdited(into buffer: UnsafeMutableRawBufferPointer, leavingBy listener: Listener) -> Int? {
        writeEdited(into: buffer) { edit, out in
            LateText.write(edit, of: self, leavingBy: listener.raw, to: &out)
        }
    }
}
