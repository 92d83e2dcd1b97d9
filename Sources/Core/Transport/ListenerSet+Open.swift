import CLinux
import Glibc

/// Everything that is wrong with the `listen` and `alias` lines.
struct ListenErrors: Error {
    let errors: [ListenError]
}

extension ListenerSet {
    /// Turns the config's lines into bound sockets. All mistakes are collected; if there is one, nothing stays open.
    /// On the starting thread: host names are looked up the blocking way here.
    /// - Parameters:
    ///   - specs: empty means every IPv4 address of every interface that is up, with `autoBindIPv6` the IPv6 ones too.
    ///   - port: for specs without one; TLS takes the next.
    ///   - transports: what can be opened; a spec without protocol gets one listener for each.
    ///   - disabled: what is left out where a spec names it.
    static func open(
        _ specs: [ListenSpec], aliases: [AliasSpec] = [], port: UInt16 = 5060, autoBindIPv6: Bool = false,
        options: TransportOptions = TransportOptions(),
        transports: [UnsafePointer<TransportTable>] = [UDP.table, TCP.table], disabled: [TransportProtocol] = []
    ) throws(ListenErrors) -> ListenerSet {
        var opener = Opener(
            defaultPort: port, options: options, transports: transports, disabled: disabled, aliases: aliases)
        do {
            opener.addresses = try InterfaceAddress.all()
        } catch {
            opener.errors.append(ListenError(text: "cannot list the network interfaces: \(error.text)"))
        }
        if specs.isEmpty {
            opener.openAll(autoBindIPv6: autoBindIPv6)
        } else {
            for (i, spec) in specs.enumerated() { opener.open(spec, at: i) }
            if opener.listeners.isEmpty, opener.errors.isEmpty {
                opener.errors.append(ListenError(text: "nothing to listen on: all that is listed is turned off"))
            }
        }
        guard opener.errors.isEmpty else {
            for listener in opener.listeners where listener.fd >= 0 { Syscalls.close(listener.fd) }
            throw ListenErrors(errors: opener.errors)
        }
        return ListenerSet(opener.listeners, aliases: opener.aliases, addresses: opener.addresses)
    }

    /// What would be wrong with the `listen` lines, without opening anything.
    /// - Returns: mistakes that no machine would accept, and addresses that this one does not have.
    static func check(
        _ specs: [ListenSpec], options: TransportOptions, transports: [UnsafePointer<TransportTable>],
        disabled: [TransportProtocol]
    ) -> (mistakes: [ListenError], foreign: [ListenError]) {
        var opener = Opener(
            defaultPort: 0, options: options, transports: transports, disabled: disabled, aliases: [])
        opener.isDry = true
        opener.addresses = (try? InterfaceAddress.all()) ?? []
        for (i, spec) in specs.enumerated() { opener.open(spec, at: i) }
        return (opener.errors, opener.foreign)
    }

    /// Closes all sockets; the listeners stay readable. After the workers have ended.
    func close() {
        for listener in listeners where listener.fd >= 0 { Syscalls.close(listener.fd) }
    }

    private struct Opener {
        let defaultPort: UInt16
        let options: TransportOptions
        let transports: [UnsafePointer<TransportTable>]
        let disabled: [TransportProtocol]
        var aliases: [AliasSpec]
        var addresses: [InterfaceAddress] = []
        var listeners: [Listener] = []
        var errors: [ListenError] = []
        /// Opens nothing, and collects in `foreign` what could not be bound here.
        var isDry = false
        var foreign: [ListenError] = []

        /// Without being named itself.
        private func isUsable(_ address: SocketAddress) -> Bool { options.bindsLinkLocal || !address.isLinkLocal }

        mutating func openAll(autoBindIPv6: Bool) {
            for own in addresses where own.isUp && (own.address.isV4 || autoBindIPv6 && isUsable(own.address)) {
                open(ListenSpec(host: own.address.addressText), at: nil)
            }
            if listeners.isEmpty && errors.isEmpty {
                errors.append(ListenError(text: "no interface is up: nothing to listen on"))
            }
        }

        mutating func open(_ spec: ListenSpec, at index: Int?) {
            let tables = tables(of: spec, at: index)
            guard !tables.isEmpty else { return }
            for var address in resolve(spec.host, at: index) {
                var chosen: UInt16?
                for table in tables {
                    let proto = table.pointee.proto
                    let port = spec.port ?? (proto.isSecure && defaultPort < 65535 ? defaultPort + 1 : defaultPort)
                    // The port that the kernel has chosen for one transport is the others', too.
                    address.port = port == 0 ? chosen ?? 0 : port
                    let before = listeners.count
                    open(spec, table, address, at: index)
                    if port == 0, listeners.count > before { chosen = listeners[before].address.port }
                }
            }
        }

        private mutating func tables(of spec: ListenSpec, at index: Int?) -> [UnsafePointer<TransportTable>] {
            if spec.protocols.isEmpty { return transports }
            var found: [UnsafePointer<TransportTable>] = []
            for proto in spec.protocols {
                if disabled.contains(proto) {
                    Log.notice("\(proto.name):\(spec.host) is left out: \(proto.name) is turned off")
                } else if let table = transports.first(where: { $0.pointee.proto == proto }) {
                    found.append(table)
                } else {
                    errors.append(
                        ListenError(
                            spec: index, text: "\(proto.name):\(spec.host): this server has no \(proto.name)",
                            hint: "it has \(transports.map { "\($0.pointee.proto.name)" }.joined(separator: " and "))"))
                }
            }
            return found
        }

        private mutating func open(
            _ spec: ListenSpec, _ table: UnsafePointer<TransportTable>, _ address: SocketAddress, at index: Int?
        ) {
            if isDry { return checkOwn(spec, address, at: index) }
            let proto = table.pointee.proto
            // An interface may be listed beside one of its addresses.
            if address.port != 0, listeners.contains(where: { $0.proto == proto && $0.address == address }) { return }
            do {
                var fd: Int32 = -1
                var bound = address
                if !spec.isVirtual {
                    fd = try table.pointee.open(address, options)
                    do {
                        bound.port = try Syscalls.boundAddress(fd).port
                    } catch {
                        throw ListenError(text: "getsockname: \(error.text)")
                    }
                }
                let facts = Listener.Facts(
                    proto: proto, address: bound, fd: fd, name: spec.name, advertisedHost: spec.advertisedHost,
                    advertisedPort: spec.advertisedPort, isVirtual: spec.isVirtual)
                listeners.append(Listener(facts, index: listeners.count, table: table))
                if SocketAddress(spec.host) == nil, InterfaceAddress.index(of: spec.host) == nil {
                    aliases.append(AliasSpec(host: spec.host, port: bound.port))
                }
            } catch let error as ListenError {
                errors.append(
                    ListenError(
                        spec: index, text: "\(proto.name):\(address.text): \(error.text)",
                        hint: error.text.hasSuffix(SystemError(code: EADDRNOTAVAIL).text) ? ownText(address) : nil))
            } catch {
                errors.append(ListenError(spec: index, text: "\(proto.name):\(address.text): \(error)"))
            }
        }

        private mutating func checkOwn(_ spec: ListenSpec, _ address: SocketAddress, at index: Int?) {
            if spec.isVirtual || options.freeBind || address.isWildcard || address.isMulticast || address.isLoopback {
                return
            }
            guard !addresses.contains(where: { $0.address.hasSameAddress(as: address) }) else { return }
            let text = "this machine does not have the address \(address.addressText)"
            foreign.append(ListenError(spec: index, text: text, hint: ownText(address)))
        }

        private func ownText(_ address: SocketAddress) -> String {
            let own = addresses.filter { $0.address.family == address.family }.map(\.address.addressText)
            return
                "it has \(own.joined(separator: ", ")); `ip_free_bind=1` binds to others, `advertise` tells peers another"
                + " address"
        }

        private mutating func resolve(_ host: String, at index: Int?) -> [SocketAddress] {
            if let literal = SocketAddress(host) {
                guard literal.isLinkLocal else { return [literal] }
                return addresses.map(\.address).filter { $0.hasSameAddress(as: literal) }.isEmpty
                    ? [literal] : [addresses.map(\.address).first { $0.hasSameAddress(as: literal) }!]
            }
            let own = addresses.filter { $0.interface == host && isUsable($0.address) }.map(\.address)
            if !own.isEmpty { return own }
            if InterfaceAddress.index(of: host) != nil {
                errors.append(ListenError(spec: index, text: "interface \(host) has no address"))
                return []
            }
            let found = Opener.lookUp(host)
            if found.isEmpty {
                let names = Set(addresses.map(\.interface)).sorted().joined(separator: ", ")
                errors.append(
                    ListenError(
                        spec: index, text: "\(host) is neither an address, nor an interface, nor a known host",
                        hint: "interfaces are \(names)"))
            }
            return found
        }

        fileprivate static func lookUp(_ host: String) -> [SocketAddress] {
            var hints = addrinfo()
            hints.ai_socktype = linux_sock_dgram()
            var list: UnsafeMutablePointer<addrinfo>?
            guard getaddrinfo(host, nil, &hints, &list) == 0 else { return [] }
            defer { freeaddrinfo(list) }
            var found: [SocketAddress] = []
            var entry = list
            while let this = entry {
                entry = this.pointee.ai_next
                if let raw = this.pointee.ai_addr, let address = SocketAddress(raw), !found.contains(address) {
                    found.append(address)
                }
            }
            return found
        }
    }

    /// [start] The addresses of a literal or a name, by the system's resolver, which may block; none when it is unknown.
    static func addresses(of host: String) -> [SocketAddress] {
        SocketAddress(host).map { [$0] } ?? Opener.lookUp(host)
    }
}
