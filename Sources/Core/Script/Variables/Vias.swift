import PluginAPI

/// `$via0(k)`, `$via1(k)`, `$viaZ(k)`, `$rpl(k)`.
extension CoreVariables {
    static func declareVias(_ declare: Declaring) throws(Registry.Refusal) {
        let parts = "host|port|proto|protoid|params|branch|received|rport"
        let doc = "host, port, proto, protoid, params, branch, received or rport of the "
        try declare.variable("via0", inner: parts, doc + "topmost Via.") {
            $1.give(part: $0.pointee.inner_id, of: $0.message.topVia)
        }
        try declare.variable("via1", inner: parts, doc + "second Via.") {
            let vias = $0.message.vias
            return $1.give(part: $0.pointee.inner_id, of: vias.count > 1 ? vias[1] : nil)
        }
        try declare.variable("viaZ", inner: parts, doc + "last Via.") {
            $1.give(part: $0.pointee.inner_id, of: $0.message.vias.last)
        }
        try declare.variable(
            "rpl", inner: "duri|dhost|dport|dproto|dprotoid|cntvia|cntrr",
            "Where a reply goes: duri, dhost, dport, dproto, dprotoid; cntvia, cntrr: how many Vias, Record-Routes."
        ) { $1.giveReplyPart($0) }
    }
}

extension UnsafeMutablePointer<apus_value> {
    fileprivate func give(part: Int32, of via: Via?) -> CInt {
        guard let via else { return -1 }
        switch part {
        case 0: return give(via.host)
        case 1: return give(via.port == 0 ? 5060 : via.port)
        case 2: return give(via.transport)
        case 3: return give(TransportNames.number(of: via.transport))
        case 4: return give(ifAny: via.params.isEmpty ? via.params : via.params.dropFirst(1))
        case 5: return give(ifAny: via.branch)
        case 6: return give(ifAny: via.received ?? .empty)
        case 7: return give(ifAny: via.rport ?? .empty)
        default: return -1
        }
    }

    fileprivate func giveReplyPart(_ access: UnsafePointer<apus_access>) -> CInt {
        let message = access.message
        guard !message.isRequest else { return -1 }
        switch access.pointee.inner_id {
        case 5: return give(message.vias.count)
        case 6: return give(message.recordRoutes.count)
        default: break
        }
        guard let hop = message.forwardedReplyHop else { return -1 }
        let transport = TransportNames.number(of: hop.transport)
        let port = hop.port == 0 ? (transport == Int(APUS_TLS) ? 5061 : 5060) : hop.port
        switch access.pointee.inner_id {
        case 0:
            return give(
                access.run.compose(hop.host.count + hop.transport.count + 32) {
                    $0.write("sip:")
                    $0.write(hop.host)
                    $0.write(":")
                    $0.write(decimal: UInt64(port))
                    $0.write(";transport=")
                    $0.write(TransportNames.name(of: UInt32(transport)))
                })
        case 1: return give(hop.host)
        case 2: return give(port)
        case 3: return give(Bytes(TransportNames.name(of: UInt32(transport))))
        case 4: return give(transport)
        default: return -1
        }
    }
}
