/// What the config's `dns_…` parameters mean to the workers' resolvers.
extension ResolverOptions {
    init(_ settings: Settings) {
        self.init()
        // Below 0: the resolver's own.
        let (time, tries) = (settings.number("dns_retr_time"), settings.number("dns_retr_no"))
        if time > 0 { timeout = Int32(clamping: min(time, 3600) * 1000) }
        if tries > 0 { self.tries = Int32(clamping: min(tries, 100)) }
        servers = settings.text("dns_servers") ?? ""
        maxServers = max(0, settings.number("dns_servers_no"))
        usesSearchList = settings.isOn("dns_use_search_list")
        slowQuery = UInt64(max(0, settings.number("dns_slow_query_ms")))
        cache = Cache(settings)
        preferences = Preferences(settings)
    }
}

extension ResolverOptions.Cache {
    fileprivate init(_ settings: Settings) {
        self.init()
        isOn = settings.isOn("dns_cache_init") && settings.isOn("use_dns_cache")
        bytes = max(0, settings.number("dns_cache_mem")) << 10
        minTTL = UInt32(clamping: settings.number("dns_cache_min_ttl"))
        if settings.isSet("dns_cache_max_ttl") { maxTTL = UInt32(clamping: settings.number("dns_cache_max_ttl")) }
        negativeTTL = UInt32(clamping: settings.number("dns_cache_negative_ttl"))
    }
}

extension ResolverOptions.Preferences {
    fileprivate init(_ settings: Settings) {
        self.init()
        let flags = settings.number("dns_cache_flags")
        usesIPv6 = settings.isOn("dns_try_ipv6") && flags & 1 == 0
        // Neither would be nothing: IPv4 it is.
        usesIPv4 = flags & 2 == 0 || !usesIPv6
        prefersIPv6 = flags & 4 != 0
        triesNAPTR = settings.isOn("dns_try_naptr")
        ignoresNAPTROrder = settings.isOn("dns_naptr_ignore_rfc")
        spreads = settings.isOn("dns_srv_lb")
        findsAll = settings.isOn("use_dns_failover")
        let names: [(UInt8, String)] = [
            (SIPService.udp, "dns_udp_pref"), (SIPService.tcp, "dns_tcp_pref"), (SIPService.tls, "dns_tls_pref"),
            (SIPService.sctp, "dns_sctp_pref"),
        ]
        for (transport, name) in names { transports[Int(transport)] = Int32(clamping: settings.number(name)) }
    }
}
