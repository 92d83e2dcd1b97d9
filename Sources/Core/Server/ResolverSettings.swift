/// What the config's `dns_…` parameters mean to the workers' resolvers.
extension ResolverOptions {
    init(_ settings: Settings) {
        self.init()
        servers = settings.text("dns_servers") ?? ""
        takeChangeable { ResolverOptions.initial($0, settings) }
    }

    /// What a changeable parameter is when the server starts.
    static func initial(_ name: String, _ settings: Settings) -> Int {
        // Not set: no bound.
        if name == "dns_cache_max_ttl", !settings.isSet(name) { return Int(Int32.max) }
        if name == "use_dns_cache", !settings.isOn("dns_cache_init") { return 0 }
        return settings.number(name)
    }

    /// The parameters that may change while the server runs.
    static let changeable = [
        "dns_try_ipv6", "dns_try_naptr", "dns_naptr_ignore_rfc", "dns_srv_lb", "dns_udp_pref", "dns_tcp_pref",
        "dns_tls_pref", "dns_sctp_pref", "use_dns_cache", "use_dns_failover", "dns_cache_flags",
        "dns_cache_negative_ttl", "dns_cache_min_ttl", "dns_cache_max_ttl", "dns_cache_mem",
        "dns_slow_query_ms", "dns_retr_time", "dns_retr_no", "dns_servers_no", "dns_use_search_list",
    ]

    /// Takes over what `number` says of each of them.
    mutating func takeChangeable(_ number: (String) -> Int) {
        let own = ResolverOptions()
        // Below 0: the resolver's own.
        let (time, tries) = (number("dns_retr_time"), number("dns_retr_no"))
        timeout = time > 0 ? Int32(clamping: min(time, 3600) * 1000) : own.timeout
        self.tries = tries > 0 ? Int32(clamping: min(tries, 100)) : own.tries
        maxServers = max(0, number("dns_servers_no"))
        usesSearchList = number("dns_use_search_list") != 0
        slowQuery = UInt64(max(0, number("dns_slow_query_ms")))
        cache.take(number)
        preferences.take(number)
    }
}

extension ResolverOptions.Cache {
    fileprivate mutating func take(_ number: (String) -> Int) {
        isOn = number("use_dns_cache") != 0
        bytes = max(0, number("dns_cache_mem")) << 10
        minTTL = UInt32(clamping: number("dns_cache_min_ttl"))
        maxTTL = UInt32(clamping: number("dns_cache_max_ttl"))
        negativeTTL = UInt32(clamping: number("dns_cache_negative_ttl"))
    }
}

extension ResolverOptions.Preferences {
    fileprivate mutating func take(_ number: (String) -> Int) {
        let flags = number("dns_cache_flags")
        usesIPv6 = number("dns_try_ipv6") != 0 && flags & 1 == 0
        // Neither would be nothing: IPv4 it is.
        usesIPv4 = flags & 2 == 0 || !usesIPv6
        prefersIPv6 = flags & 4 != 0
        triesNAPTR = number("dns_try_naptr") != 0
        ignoresNAPTROrder = number("dns_naptr_ignore_rfc") != 0
        spreads = number("dns_srv_lb") != 0
        findsAll = number("use_dns_failover") != 0
        let names: [(UInt8, String)] = [
            (SIPService.udp, "dns_udp_pref"), (SIPService.tcp, "dns_tcp_pref"), (SIPService.tls, "dns_tls_pref"),
            (SIPService.sctp, "dns_sctp_pref"),
        ]
        for (transport, name) in names { transports[Int(transport)] = Int32(clamping: number(name)) }
    }
}
