import PluginKit

// Invariants: as in Relay.swift.

/// `tm_api.t_relay`: a relay on behalf of a function of another module.
let relayForModule:
    @convention(c) (
        Call, apus_str, UInt32, @convention(c) (Call, CInt, UnsafeMutableRawPointer?) -> CInt, UnsafeMutableRawPointer?
    ) -> CInt = { call, uri, transport, then, user in
        var target = RelayTarget(transport: transport)
        if !uri.isNull {
            guard var copy = call.writer(uri.len) else { return .false }
            copy.add(uri)
            target.nextHop = copy.text
        }
        return relay(call, target, then: then, user: user)
    }
