import Glibc
import PluginAPI

// Invariants: `user` of a compiled `$sel` is nil or the `CompiledSelect` that the compiler made of its inner name.

/// `$sel(path)` and `@path`: selects. Each is a text; what is not there is $null.
extension CoreVariables {
    static func declareSelects(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.variable("sel", inner: "*", "A select, the text behind its @.") { access, out in
            guard let user = access.pointee.user else { return -1 }
            return out.give(UnsafeRawPointer(user).assumingMemoryBound(to: CompiledSelect.self), access)
        }
    }
}

extension UnsafeMutablePointer<apus_value> {
    fileprivate func give(_ select: UnsafePointer<CompiledSelect>, _ access: UnsafePointer<apus_access>) -> CInt {
        let message = access.message
        switch select.pointee.subject {
        case .requestURI: return give(uri: message.isRequest ? message.requestURIText : nil, select, access)
        case .destinationURI: return give(uri: message.routing.current.destination, select, access)
        case .nextHop:
            return give(
                uri: message.isRequest ? message.routing.current.destination ?? message.requestURIText : nil, select,
                access)
        case .from: return give(message.from, .from, select, access)
        case .to: return give(message.to, .to, select, access)
        case .contact: return give(message.contacts.first, .contact, select, access)
        case .referTo: return give(message.nameAddrs(.referTo).first, .referTo, select, access)
        case .remoteParty: return give(message.nameAddrs(.remotePartyID).first, .remotePartyID, select, access)
        case .recordRoute: return give(message.nameAddrs(.recordRoute).first, .recordRoute, select, access)
        case .via: return give(via: select, access)
        case .cseq: return giveCSeq(select, access)
        case .callID: return give(ifAny: message.callID)
        case .method: return give(ifAny: message.methodText)
        case .message: return give(message: select, access)
        case .system: return give(system: select, access)
        case .authorization: return give(message.credential(.authorization, select))
        case .proxyAuthorization: return give(message.credential(.proxyAuthorization, select))
        case .source: return give(message.routing.source, select, access)
        case .parameter:
            return access.run.give(select, self) ? 1 : -1
        case .selectedInstance:
            guard let id = access.run.selectedInstance(of: select.pointee.key.bytes) else { return -1 }
            return give(access.run.print(id)?.bytes)
        case .destination, .received: return give(message.routing.destination, select, access)
        }
    }

    private func give(
        uri text: Bytes?, _ select: UnsafePointer<CompiledSelect>, _ access: UnsafePointer<apus_access>
    ) -> CInt {
        guard let text, let uri = URI.parse(text) else { return -1 }
        switch select.pointee.part {
        case .user: return give(ifAny: uri.user)
        case .host: return give(ifAny: uri.host)
        case .port: return give(ifAny: uri.portText)
        case .password: return give(ifAny: uri.password)
        case .hostPort:
            if !uri.portText.isEmpty || uri.host.isEmpty { return give(ifAny: uri.hostPort) }
            return give(
                access.run.compose(uri.host.count + 5) {
                    $0.write(uri.host)
                    $0.write(uri.isSecure ? ":5061" : ":5060")
                })
        case .numberUser:
            return give(ifAny: uri.parameters["rn"] ?? uri.user)
        case .transport:
            if !uri.transport.isEmpty { return give(uri.transport) }
            return give(uri.isSecure ? Bytes("tls") : Bytes("udp"))
        case .uriType: return give(uri.schemeText)
        case .uriParameters: return give(ifAny: uri.params)
        case .uriParameter: return give(uri.parameters.first(select.pointee.key.bytes)?.value)
        default: return give(text)
        }
    }

    private func give(
        _ address: NameAddr?, _ id: HeaderID, _ select: UnsafePointer<CompiledSelect>,
        _ access: UnsafePointer<apus_access>
    ) -> CInt {
        if select.pointee.part == .whole { return give(access.message.value(id)) }
        guard let address else { return -1 }
        switch select.pointee.part {
        case .uri: return give(address.uri)
        case .name: return give(ifAny: address.displayName)
        case .tag: return give(ifAny: address.tag ?? .empty)
        case .parameters: return give(ifAny: address.params.isEmpty ? .empty : address.params.dropFirst(1))
        case .parameter: return give(address.parameters.first(select.pointee.key.bytes)?.value)
        default: return give(uri: address.uri, select, access)
        }
    }

    private func give(via select: UnsafePointer<CompiledSelect>, _ access: UnsafePointer<apus_access>) -> CInt {
        let vias = access.message.vias
        let index = Int(select.pointee.index)
        let place = index < 0 ? vias.count + index : index - 1
        guard place >= 0, place < vias.count else { return -1 }
        let via = vias[place]
        switch select.pointee.part {
        case .name: return give(Bytes("SIP"))
        case .version: return give(Bytes("2.0"))
        case .transport: return give(via.transport)
        case .host: return give(via.host)
        case .port: return via.port == 0 ? -1 : give(access.run.print(Int64(via.port))?.bytes)
        case .branch: return give(ifAny: via.branch)
        case .rport: return give(via.rport)
        case .receivedAddress: return give(via.received)
        case .connection: return give(via.parameters["i"])
        case .alias: return give(via.parameters["alias"])
        case .parameters: return give(ifAny: via.params.isEmpty ? .empty : via.params.dropFirst(1))
        case .parameter: return give(via.parameters.first(select.pointee.key.bytes)?.value)
        case .comment: return give(via.comment)
        default: return give(via.text)
        }
    }

    private func giveCSeq(_ select: UnsafePointer<CompiledSelect>, _ access: UnsafePointer<apus_access>) -> CInt {
        guard let text = access.message.value(.cseq) else { return -1 }
        switch select.pointee.part {
        case .number: return give(ifAny: text.prefix(text.end(of: .digit)))
        case .method: return give(ifAny: access.message.cseqMethodText)
        default: return give(text)
        }
    }

    private func give(message select: UnsafePointer<CompiledSelect>, _ access: UnsafePointer<apus_access>) -> CInt {
        let message = access.message
        switch select.pointee.part {
        case .firstLine: return give(message.startLine)
        case .type: return give(message.isRequest ? Bytes("1") : Bytes("2"))
        case .length: return give(access.run.print(Int64(message.received.count))?.bytes)
        case .id: return give(access.run.print(Int64(message.routing.number))?.bytes)
        case .hexID:
            return give(
                access.run.compose(8) { out in
                    withUnsafeBytes(of: message.routing.number.bigEndian) {
                        guard let start = $0.baseAddress else { return }
                        out.write(hex: Bytes(start.assumingMemoryBound(to: UInt8.self), 4))
                    }
                })
        case .flags: return give(access.run.print(Int64(message.routing.flags))?.bytes)
        case .headers: return give(message.headersText)
        case .header: return giveHeader(select, access)
        case .headerWord:
            guard giveHeader(select, access) > 0 else { return -1 }
            let text = pointee.str.bytes
            return give(text.prefix(text.firstIndex(of: UInt8(ascii: ";")) ?? text.count).trimmed)
        case .body: return give(ifAny: message.body)
        case .sdp: return give(message.sessionDescription?.text)
        case .sdpLine:
            // `m` or `m=`.
            guard let letter = select.pointee.key.bytes.first, let text = message.sessionDescription?.text else {
                return -1
            }
            return give(SDP.line(letter, in: text)?.value)
        default: return give(message.received)
        }
    }

    /// The first header of that name, the n-th with an index.
    private func giveHeader(_ select: UnsafePointer<CompiledSelect>, _ access: UnsafePointer<apus_access>) -> CInt {
        let message = access.message
        let name = select.pointee.key.bytes
        var left = Int(select.pointee.index)
        if left < 0 { left += message.headerCount(named: name) + 1 }
        guard left > 0 else { return -1 }
        var next = message.headerIndex(named: name, from: 0)
        while let index = next {
            left -= 1
            if left == 0 { return give(message.value(of: message.header(at: index))) }
            next = message.headerIndex(named: name, from: index + 1)
        }
        return -1
    }

    private func give(system select: UnsafePointer<CompiledSelect>, _ access: UnsafePointer<apus_access>) -> CInt {
        let facts = ScriptEnvironment.current.facts
        var seconds = time_t(Syscalls.wallNanoseconds() / 1_000_000_000)
        var parts = tm()
        switch select.pointee.part {
        case .process: return give(access.run.print(facts.processID)?.bytes)
        case .serverID: return give(access.run.print(facts.serverID)?.bytes)
        case .unique:
            return give(
                access.run.compose(facts.instanceID.count + 24) {
                    $0.write(facts.instanceID)
                    $0.write("-")
                    $0.write(decimal: Syscalls.random())
                })
        case .localTime:
            localtime_r(&seconds, &parts)
            return give(access.run.format(parts, Bytes("%a %b %e %H:%M:%S %Y")))
        case .universalTime:
            gmtime_r(&seconds, &parts)
            return give(access.run.format(parts, Bytes("%a %b %e %H:%M:%S %Y")))
        default: return give(access.run.print(Int64(seconds))?.bytes)
        }
    }

    private func give(
        _ address: SocketAddress, _ select: UnsafePointer<CompiledSelect>, _ access: UnsafePointer<apus_access>
    ) -> CInt {
        guard !address.isNone else { return -1 }
        switch select.pointee.part {
        case .port: return give(access.run.print(Int64(address.port))?.bytes)
        case .addressAndPort: return give(access.run.compose(64) { $0.write(socket: address) })
        case .transportName: return give(Bytes(TransportNames.name(of: access.transport)))
        case .transportAddressAndPort:
            return give(
                access.run.compose(72) {
                    $0.write(Bytes(TransportNames.name(of: access.transport)))
                    $0.write(":")
                    $0.write(socket: address)
                })
        default: return giveAddress(access, address, brackets: false)
        }
    }
}

extension Message {
    /// A parameter of the credentials of that realm, without quotes; of the first ones without a realm.
    fileprivate func credential(_ id: HeaderID, _ select: UnsafePointer<CompiledSelect>) -> Bytes? {
        let realm = select.pointee.realm.bytes
        var next = first(id)
        while let header = next {
            let text = value(of: header)
            let scheme = text.end(of: .token)
            let parameters = Parameters(text.dropFirst(scheme), separator: UInt8(ascii: ","))
            if select.pointee.realm.s == nil || parameters["realm"] == realm {
                return parameters.first(select.pointee.key.bytes)?.value
            }
            next = self.next(after: header)
        }
        return nil
    }
}

extension Via {
    /// The text in parentheses at the end, nil without one.
    fileprivate var comment: Bytes? {
        guard let open = text.firstIndex(of: UInt8(ascii: "(")), text.last == UInt8(ascii: ")") else { return nil }
        return text[open + 1..<text.count - 1]
    }
}
