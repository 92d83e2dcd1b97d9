import Glibc
import PluginAPI

// Invariants: the functions run on workers after `setEnvironment`, and read what is constant from then on.

/// What scripts and replies know of the server: fills in the Script room's and the Transport room's view of it.
extension Server {
    func setEnvironment(_ settings: Settings, listeners: ListenerSet, command options: Options) {
        let signature = settings.isOn("server_signature")
        StatelessReply.settings = StatelessReply.Settings(
            server: signature ? Bytes(permanent: Server.product(settings.text("server_header"))) : .empty,
            toVia: settings.isOn("reply_to_via"), warning: settings.number("sip_warning"),
            warned: nil, tagKey: SipKey.random())
        setWarned(settings.text("sip_warning_for"))
        SendingRules.current = SendingRules(settings)
        ExtraCharacters.inHeaderNames = ExtraCharacters(settings.text("hdr_name_extra_chars") ?? "")
        ExtraCharacters.inHosts = ExtraCharacters(settings.text("uri_host_extra_chars") ?? "")
        SocketAddress.v6Style =
            switch settings.text("ipv6_hex_style")?.first {
            case "a": .full
            case "A": .fullUpperCase
            default: .compressed
            }
        URI.treatsPhonesAsTel = settings.isOn("phone2tel")
        Limits.furtherBranches = settings.number("max_branches") - 1
        Server.known = Unmanaged.passRetained(listeners)

        var environment = ScriptEnvironment()
        environment.knowsListeners = true
        environment.listenerInfo = { raw, out in
            Server.describe(Listener(raw: raw), out)
            return true
        }
        environment.findListener = { transport, address, port in
            let proto = TransportProtocol(rawValue: UInt8(truncatingIfNeeded: transport))
            return Server.withListeners { $0.find(transport == 0 ? nil : proto, host: address.bytes, port: port)?.raw }
        }
        environment.findNamedListener = { name in Server.withListeners { $0.find(name: name.bytes)?.raw } }
        Server.hosts = configuration.modules.shared
        environment.isMyself = { host, port in Server.hosts?.pointee.listeners.isMyself(host.bytes, port: port) ?? false
        }
        environment.forward = StatelessForward.forward
        environment.execute = ShellCommands.execute
        environment.addAlias = { connection, port in
            Worker.current?.addAlias(ConnectionID(raw: connection), port: port) ?? false
        }
        Server.counters = Unmanaged.passRetained(configuration.statistics)
        environment.statistic = { name, out in
            let value = Server.counters?._withUnsafeGuaranteedRef { statistics in
                statistics.find(spelled: name.bytes).map { statistics.valueSinceReset($0) }
            }
            guard let value = value.flatMap(\.self) else { return false }
            out.pointee = Int64(bitPattern: value)
            return true
        }
        environment.parameter = { number, instance, out in
            guard let worker = Server.hosts?.worker, let table = worker.pointee.settings else { return false }
            let own = instance.flatMap { worker.pointee.instances?.value(number, $0.pointee) }
            out.pointee = own ?? table[Int(number)]
            return true
        }
        environment.hasInstance = { group, id in
            Server.hosts?.worker?.pointee.instances?.contains(group, id) ?? false
        }
        environment.facts = facts(settings, options)
        ScriptEnvironment.current = environment
    }

    private func facts(_ settings: Settings, _ options: Options) -> ServerFacts {
        var facts = ServerFacts()
        let (major, minor, patch) = Version.numbers
        facts.version = Bytes(permanent: Version.text)
        facts.versionNumber = Int64(major << 16 | minor << 8 | patch)
        facts.fullVersion = Bytes(permanent: Version.product)
        facts.serverID = Int64(options.serverID ?? settings.number("server_id"))
        facts.isSER = settings.dialect == .ser
        facts.processID = Int64(getpid())
        facts.startTime = Int64(Syscalls.wallNanoseconds() / 1_000_000_000)
        facts.instanceID = Bytes(permanent: String(Syscalls.random() as UInt64, radix: 16))
        return facts
    }

    /// Who gets Warning headers: the networks of the list, or everybody without one.
    private func setWarned(_ list: String?) {
        guard let list else { return }
        Server.warnedNets = Conditions.Net.list(list)
        StatelessReply.settings.warned = { address in
            let address = address.assumingMemoryBound(to: SocketAddress.self).pointee
            return Server.warnedNets.contains { $0.contains(address) }
        }
    }

    private nonisolated(unsafe) static var warnedNets: [Conditions.Net] = []

    /// `server_header` is a whole header line, as Kamailio wants it; the reply writer wants its value.
    private static func product(_ header: String?) -> String {
        guard let header, !header.isEmpty else { return Version.product }
        guard let colon = header.firstIndex(of: ":") else { return header }
        return String(header[header.index(after: colon)...].drop { $0 == " " })
    }

    private static func describe(_ listener: Listener, _ out: UnsafeMutablePointer<apus_listener_info>) {
        out.pointee = apus_listener_info(listener, size: out.pointee.size)
    }

    private nonisolated(unsafe) static var known = Unmanaged.passRetained(ListenerSet([]))

    private nonisolated(unsafe) static var counters: Unmanaged<Statistics>?

    /// What there is of connections, while the workers run; for commands, on any thread.
    nonisolated(unsafe) static var connections: ConnectionReport?

    /// What modules share: they may know further names of this server.
    private nonisolated(unsafe) static var hosts: UnsafeMutablePointer<HostShared>?

    private static func withListeners<R>(_ body: (ListenerSet) -> R) -> R {
        known._withUnsafeGuaranteedRef { body($0) }
    }
}

extension SendingRules {
    fileprivate init(_ settings: Settings) {
        self.init()
        isMultihomed = settings.isOn("mhomed")
    }
}

extension ListenerSet {
    /// The listener of that transport (nil: any), address or advertised name, and port (0: any).
    fileprivate func find(_ proto: TransportProtocol?, host: Bytes, port: UInt16) -> Listener? {
        let address = SocketAddress(parsing: host, port: port)
        if port != 0, let address, let exact = find(proto, address) { return exact }
        return listeners.first {
            guard proto == nil || $0.proto == proto else { return false }
            if let address, $0.address.hasSameAddress(as: address), port == 0 { return true }
            return $0.advertisedHost.equalsIgnoringCase(host) && (port == 0 || $0.advertisedPort == port)
        }
    }
}
