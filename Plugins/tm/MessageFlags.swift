import PluginKit

// Invariants: while the request is not ours (`ownsRequest`) its own script runs on it, and may change its flags at any time.

extension TransactionRef {
    /// Message flags as a script sees them now.
    var currentFlags: UInt32 {
        guard let request = pointee.request, !pointee.ownsRequest else { return pointee.messageFlags }
        return home.messages.pointee.flags(request)
    }

    /// Flags and extended flags are what a script has left of them in that message.
    func takeFlags(of message: OpaquePointer) {
        pointee.messageFlags = home.messages.pointee.flags(message)
        pointee.messageXFlags = home.messages.pointee.xflags(message)
    }

    /// Sets all extended flags, as `setFlags`.
    func setXFlags(_ flags: UInt64) {
        pointee.messageXFlags = flags
        if let request = pointee.request, !pointee.ownsRequest { home.messages.pointee.set_xflags(request, flags) }
    }

    /// Sets all of them, for the script that runs and for those that follow.
    func setFlags(_ flags: UInt32) {
        pointee.messageFlags = flags
        if let request = pointee.request, !pointee.ownsRequest { home.messages.pointee.set_flags(request, flags) }
    }
}
