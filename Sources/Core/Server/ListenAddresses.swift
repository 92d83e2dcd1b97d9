/// The addresses to listen on and the names that are ours: the command line's, and the config's where the command line has none.
struct ListenAddresses {
    struct Listen {
        let spec: ListenSpec
        /// Its place in the config; nil for the command line's.
        let range: SourceRange?
    }

    private(set) var listens: [Listen] = []
    private(set) var aliases: [AliasSpec] = []

    /// How sockets are opened.
    let options: TransportOptions
    /// What can be opened, and what is turned off.
    let transports: [UnsafePointer<TransportTable>]
    let disabled: [TransportProtocol]

    /// advertised_address and advertised_port: for listeners that advertise nothing of their own.
    private let advertisedHost: String?
    private let advertisedPort: UInt16?

    init(_ settings: Settings, _ options: Options) {
        self.options = ListenAddresses.transportOptions(settings, options)
        let hasTCP = !settings.isOn("disable_tcp") && !options.noTCP
        transports = hasTCP ? [UDP.table, TCP.table] : [UDP.table]
        disabled = hasTCP ? [] : [.tcp]
        advertisedHost = settings.text("advertised_address")
        advertisedPort = settings.isSet("advertised_port") ? UInt16(exactly: settings.number("advertised_port")) : nil
        for text in options.listens { listens.append(Listen(spec: ListenAddresses.spec(text), range: nil)) }
        if listens.isEmpty { for listen in settings.listeners { add(listen) } }
        for text in options.aliases {
            let spec = ListenAddresses.spec(text)
            aliases.append(AliasSpec(host: spec.host, port: spec.port))
        }
        for alias in settings.aliases {
            aliases.append(AliasSpec(host: alias.host.text, port: alias.port.flatMap { UInt16(exactly: $0) }))
        }
    }

    private static func transportOptions(_ settings: Settings, _ options: Options) -> TransportOptions {
        var transport = TransportOptions()
        transport.maxReceiveBuffer = Int32(clamping: options.maxBuffer ?? settings.number("maxbuffer"))
        transport.maxSendBuffer = Int32(clamping: settings.isSet("maxsndbuffer") ? settings.number("maxsndbuffer") : 0)
        transport.tos = Int32(clamping: settings.number("tos"))
        transport.discoversPathMTU = settings.isOn("pmtu_discovery")
        transport.bindsLinkLocal = settings.number("bind_ipv6_link_local") & 1 != 0
        transport.freeBind = settings.isOn("ip_free_bind")
        transport.multicastInterface = settings.text("mcast") ?? ""
        transport.multicastLoopback = settings.isOn("mcast_loopback")
        transport.multicastTTL = Int32(clamping: settings.number("mcast_ttl"))
        transport.streams = StreamOptions(settings)
        return transport
    }

    /// Looks at the addresses without opening anything: what no machine would accept is a mistake; an address that this machine does not have
    /// may be another's, whose config is checked here.
    func check(_ diagnostics: Diagnostics) {
        let found = ListenerSet.check(
            listens.map(\.spec), options: options, transports: transports, disabled: disabled)
        for mistake in found.mistakes { diagnostics.error(mistake.text, at: range(of: mistake), hint: mistake.hint) }
        for foreign in found.foreign { diagnostics.warning(foreign.text, at: range(of: foreign), hint: foreign.hint) }
    }

    /// Where the line of a mistake stands; nil for the command line's.
    func range(of mistake: ListenError) -> SourceRange? { mistake.spec.flatMap { listens[$0].range } }

    private mutating func add(_ listen: Syntax.Listen) {
        let ports: [UInt16?] = listen.ports.map { $0.map { UInt16(exactly: $0) } } ?? [nil]
        for host in listen.hosts {
            for port in ports {
                var spec = ListenSpec(host: host.text)
                if let transport = listen.transport, let proto = TransportProtocol(named: transport.rawValue) {
                    spec.protocols = [proto]
                }
                spec.port = port
                spec.advertisedHost = listen.advertised?.host.text ?? advertisedHost
                spec.advertisedPort = listen.advertised?.port.flatMap { UInt16(exactly: $0) } ?? advertisedPort
                spec.name = listen.name?.string ?? ""
                spec.isVirtual = listen.isVirtual
                listens.append(Listen(spec: spec, range: listen.range))
            }
        }
    }

    /// `[proto:]host[:port]` of the command line; what it does not understand is a host name that will not resolve.
    static func spec(_ text: String) -> ListenSpec {
        var rest = text[...]
        var spec = ListenSpec(host: "")
        if let colon = rest.firstIndex(of: ":"), let proto = TransportProtocol(named: String(rest[..<colon])) {
            spec.protocols = [proto]
            rest = rest[rest.index(after: colon)...]
        }
        let afterBracket = rest.lastIndex(of: "]").map { rest[$0...] } ?? rest
        let colons = rest.filter { $0 == ":" }.count
        let isBareIPv6 = colons > 1 && !rest.hasPrefix("[")
        if !isBareIPv6, let colon = afterBracket.lastIndex(of: ":"),
            let port = UInt16(rest[rest.index(after: colon)...])
        {
            spec.port = port
            rest = rest[..<colon]
        }
        spec.host = String(rest)
        return spec
    }
}

extension TransportProtocol {
    fileprivate init?(named text: String) {
        var copy = text
        guard
            let known = copy.withUTF8({ buffer in
                buffer.baseAddress.flatMap { TransportProtocol(Bytes($0, buffer.count)) }
            })
        else { return nil }
        self = known
    }
}
