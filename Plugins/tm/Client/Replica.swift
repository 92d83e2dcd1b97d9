import PluginKit
import RoutingKit

// Invariants: as in Relay.swift. The transaction of a replica has no server side: it is in no bucket, and nothing is ever sent to its source.

/// t_replicate: sends a copy of the request as a transaction of its own. Its replies go nowhere; the request itself is still the script's.
func replicate(
    _ call: Call, _ home: UnsafeMutablePointer<Home>, _ target: RelayTarget, _ method: UInt32, _ then: RelayThen?,
    _ user: UnsafeMutableRawPointer?
) -> CInt {
    let message = call.pointee.msg
    guard let transaction = home.begin(method: method, hash: nil) else {
        home.messages.pointee.set_error(message, 500, "Out of memory")
        return .false
    }
    transaction.pointee.flags.insert([.replica, .disableFailover])
    transaction.pointee.isBusy = true
    transaction.addReference()
    guard let kept = home.messages.pointee.keep(home.host, message),
        let relay = Relay.make(call, target, transaction, then, user)
    else {
        home.messages.pointee.set_error(message, 500, "Out of memory")
        transaction.end()
        transaction.becomeIdle()
        transaction.dropReference()
        return .false
    }
    transaction.pointee.request = kept
    transaction.pointee.ownsRequest = true
    transaction.setLifetime(transaction.pointee.timers.lifetime)
    relay.pointee.usesCurrent = true
    relay.pointee.count = 1
    relay.pointee.loopHash = home.loopHash(of: message)
    return relay.go(call, from: .nextBranch)
}

extension RelayRef {
    /// The copy carries our Via and nobody else's, and no Route that leads elsewhere than it goes: with an address of its own none at all,
    /// else none that names us on top.
    func stripReplica(_ call: Call) {
        let message = call.message
        message.removeAll("Via")
        var at = 0
        while let route = message.find("Route", from: at) {
            at = Int(route.index) + 1
            if !pointee.target.nextHop.isNull {
                withUnsafePointer(to: route) { _ = message.remove($0) }
                continue
            }
            guard let first = message.parse(nameAddr: route.value), let uri = message.parse(uri: first.uri),
                call.host.pointee.net.pointee.is_myself(call.host, uri.host, UInt16(clamping: uri.port_number)) > 0
            else { return }
            _ = message.api.pointee.remove_value(message.handle, route.value[0..<Int(first.length)])
        }
    }
}
