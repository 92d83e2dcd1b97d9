import PluginAPI

/// `$snd(k)`, `$sndto(k)`, `$sndfrom(k)`: what is being sent, in onsend_route; $null elsewhere.
extension CoreVariables {
    static func declareOnsend(_ declare: Declaring) throws(Registry.Refusal) {
        let keys = "ip|port|af|proto|sproto|buf|len"
        try declare.variable(
            "snd sndto", inner: keys,
            "Where the message goes: ip, port, af; proto (number), sproto (name), buf and len of what is sent."
        ) { access, out in
            guard let sending = access.run.pointee.sending else { return -1 }
            return out.giveSending(access, sending.pointee.remote, sending)
        }
        try declare.variable("sndfrom", inner: keys, "The same for the address of ours that it leaves by.") {
            access, out in
            guard let sending = access.run.pointee.sending else { return -1 }
            return out.giveSending(access, sending.pointee.local, sending)
        }
        try declare.variable(
            "atkv", inner: "type|key|val", "Of core:tkv: nothing here raises that event, so it is always $null."
        ) { _, _ in -1 }
    }
}

extension UnsafeMutablePointer<apus_value> {
    /// The key by its place in the declaration's list.
    fileprivate func giveSending(
        _ access: UnsafePointer<apus_access>, _ address: SocketAddress, _ sending: UnsafePointer<Run.Sending>
    ) -> CInt {
        switch access.pointee.inner_id {
        case 0: return giveAddress(access, address, brackets: false)
        case 1: return give(address.port)
        case 2: return give(address.family)
        case 3: return give(sending.pointee.transport)
        case 4: return give(Bytes(TransportNames.name(of: sending.pointee.transport)))
        case 5: return access.run.copy(apus_str(sending.pointee.bytes)).map { give(apus_value($0)) } ?? -1
        case 6: return give(sending.pointee.bytes.count)
        default: return -1
        }
    }
}
