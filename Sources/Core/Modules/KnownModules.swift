/// Names of modules that scripts of twenty years use, whether we have them or not.
enum KnownModules {
    /// Names under which today's modules were known before.
    static let aliases: [String: [String]] = [
        "mysql": ["db_mysql"], "postgres": ["db_postgres"], "dbtext": ["db_text"], "unixodbc": ["db_unixodbc"],
        "flatstore": ["db_flatstore"], "berkeley": ["db_berkeley"],
        "uri": ["siputils", "uri_db"], "options": ["siputils"],
        "mi_xmlrpc": ["xmlrpc"], "fifo": ["mi_fifo"], "unixsock": ["mi_datagram"], "print_lib": ["print"],
        "acc_syslog": ["acc"], "acc_db": ["acc"], "auth_digest": ["auth"], "snmp": ["snmpstats"],
        "pa": ["presence"], "presence_b2b": ["presence"], "cpl": ["cplc"], "cpl-c": ["cplc"], "cpl_c": ["cplc"],
        "jabber": ["xmpp"], "userblacklist": ["userblocklist"], "jsonrpc-c": ["jsonrpcc"], "jsonrpc-s": ["jsonrpcs"],
        "pua_mi": ["pua_rpc"],
    ]

    /// The older names of a module.
    static func aliases(of module: String) -> [String] {
        aliases.compactMap { $0.value.contains(module) ? $0.key : nil }.sorted()
    }

    /// What to do when a library that a module is linked to is not on this machine; `reason` is the dynamic linker's.
    static func missingLibrary(_ reason: String) -> String? {
        let packages = [("libnetsnmp", "libsnmp40"), ("libsqlite3", "libsqlite3-0")]
        guard let (_, package) = packages.first(where: { reason.hasPrefix($0.0) }) else { return nil }
        return "the library is missing; Debian's package is \(package)"
    }

    /// When a module is to come: 1 is first. Only asked for modules that are not there.
    static func tier(of module: String) -> Int? {
        for (tier, names) in tiers where names.contains(module) { return tier }
        for prefix in ["app_", "dmq", "ims_", "presence_", "pua", "topos"] where module.hasPrefix(prefix) { return 4 }
        return nil
    }

    private static let tiers: [(Int, Set<String>)] = [
        (
            1,
            [
                "sl", "pv", "xlog", "textops", "siputils", "maxfwd", "sanity", "rr", "kex", "cfgutils", "corex",
                "print",
            ]
        ),
        (
            2,
            [
                "tm", "tmx", "dispatcher", "ctl", "jsonrpcs", "mi_fifo", "mi_datagram", "mi_rpc", "cfg_rpc",
                "counters", "statistics", "textopsx", "db_sqlite", "dlgs",
            ]
        ),
        (
            3,
            [
                "usrloc", "registrar", "auth", "auth_db", "acc", "group", "uri_db", "db_mysql", "db_text",
                "db_postgres", "db_redis", "permissions", "alias_db", "speeddial", "domain", "presence",
                "presence_xml", "nathelper", "rtpproxy", "rtpengine", "rtpproxy-ng", "nat_traversal", "htable",
                "pike", "debugger", "tls", "xhttp", "xmlrpc", "snmpstats", "dialog", "uac", "uac_redirect", "avpops",
                "sqlops", "exec", "rtimer", "path", "ratelimit", "pipelimit", "enum", "msilo", "xcap_server", "ipops",
                "sdpops", "regex", "dialplan", "uuid", "mqueue", "async", "timer", "diversion", "xhttp_prom",
                "siptrace",
            ]
        ),
        (
            4,
            [
                "drouting", "lcr", "carrierroute", "pdt", "topoh", "topos", "websocket", "outbound", "stun", "msrp",
                "rls", "cplc", "xmpp", "smsops", "imc", "json", "jansson", "http_client", "http_async_client",
                "evapi", "sipcapture", "auth_ephemeral", "db_cluster", "db_flatstore", "db_unixodbc", "db_berkeley",
                "tlsa", "tls_wolfssl", "sctp", "auth_identity", "auth_radius", "avp_radius", "uri_radius",
                "acc_radius", "auth_diameter", "userblocklist", "jsonrpcc",
            ]
        ),
    ]
}
