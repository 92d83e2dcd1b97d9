import PluginAPI

// Invariants: what is written stands in the buffer of the calling thread's worker until that worker composes another message.

/// Messages as bytes: `write_…` of the group `message`, and where messages come from and go.
extension HostTables {
    static func writeRequest(
        _ message: OpaquePointer, _ outgoing: UnsafePointer<apus_outgoing>, _ out: UnsafeMutablePointer<apus_str>
    ) -> CInt {
        let message = Message(opaque: message)
        guard message.isRequest else { return CInt(APUS_FALSE) }
        let outgoing = outgoing.pointee
        return compose(out) { buffer in
            message.writeRequest(
                into: buffer, leavingBy: Listener(raw: UnsafeMutableRawPointer(outgoing.listener)),
                branch: outgoing.branch.bytes, viaParams: outgoing.via_params.bytes,
                uri: outgoing.uri.s == nil ? nil : outgoing.uri.bytes,
                path: outgoing.path.s == nil ? nil : outgoing.path.bytes)
        }
    }

    static func writeReply(
        _ message: OpaquePointer, _ listener: OpaquePointer, _ out: UnsafeMutablePointer<apus_str>
    ) -> CInt {
        let message = Message(opaque: message)
        guard !message.isRequest else { return CInt(APUS_FALSE) }
        return compose(out) { buffer in
            message.writeForwardedReply(into: buffer, leavingBy: Listener(raw: UnsafeMutableRawPointer(listener)))
        }
    }

    static func writeEdited(
        _ message: OpaquePointer, _ listener: OpaquePointer, _ out: UnsafeMutablePointer<apus_str>
    ) -> CInt {
        let message = Message(opaque: message)
        return compose(out) { buffer in
            message.writeEdited(into: buffer, leavingBy: Listener(raw: UnsafeMutableRawPointer(listener)))
        }
    }

    @_noLocks
    static func source(of message: OpaquePointer, _ out: UnsafeMutablePointer<apus_destination>) {
        let routing = Message(opaque: message).routing
        out.set(
            routing.receivedOn.map { Listener(raw: $0) }, remote: routing.source, local: routing.destination,
            connection: routing.connection)
    }

    @_noLocks
    static func nextHop(of message: OpaquePointer) -> apus_str {
        let message = Message(opaque: message)
        guard message.isRequest else { return apus_str() }
        return apus_str(message.routing.current.destination ?? message.requestURIText)
    }

    /// Lets `body` write to the worker's buffer; false when it does not fit, or on a thread that is no worker.
    @inline(__always)
    private static func compose(
        _ out: UnsafeMutablePointer<apus_str>, _ body: (UnsafeMutableRawBufferPointer) -> Int?
    ) -> CInt {
        guard let worker = Worker.current else { return CInt(APUS_FALSE) }
        let buffer = worker.pointee.compose
        guard let count = body(buffer) else { return CInt(APUS_FALSE) }
        out.pointee = apus_str(
            s: UnsafePointer(buffer.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: CChar.self)), len: count)
        return CInt(APUS_TRUE)
    }
}
