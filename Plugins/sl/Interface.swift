import PluginKit

// Invariants: the table lives for ever. Its functions are called on workers by other modules, with a host and a message that the server gave them.

extension State {
    /// The module's state for functions of `sl_api`, which are handed nothing else. Set once, in `declare`.
    nonisolated(unsafe) static var shared: UnsafeMutablePointer<State>?
}

/// `sl_api`, what other modules see of sl.
func makeInterface() -> UnsafeMutablePointer<sl_api> {
    permanent(
        sl_api(
            size: UInt32(MemoryLayout<sl_api>.size),
            reply: { host, request, reply in
                guard let state = State.shared, isAnswerable(host, request, reply) else { return .false }
                return state.send(host, request, reply)
            },
            reply_by_transaction: { host, request, reply in
                guard let state = State.shared, isAnswerable(host, request, reply) else { return .false }
                if state.pointee.bindTM != 0, let transaction = state.pointee.tm?.pointee.t_gett(request) {
                    return state.send(in: transaction, reply)
                }
                return state.send(host, request, reply)
            },
            reply_tag: { request, buffer, capacity in
                guard let replies = State.shared?.pointee.replies else { return 0 }
                return replies.pointee.stateless_tag(request, buffer, capacity)
            }))
}

private func isAnswerable(_ host: Host, _ request: OpaquePointer, _ reply: UnsafePointer<apus_reply>) -> Bool {
    host.pointee.message.pointee.is_request(request) > 0 && codes.contains(Int64(reply.pointee.code))
        && !reply.pointee.reason.isEmpty
}
