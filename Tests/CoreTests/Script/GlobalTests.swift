import Testing

@testable import Core

/// The parameters that the peers have: each is known under all of its names, takes values of its type and no others.
@Suite struct GlobalTests {
    /// What a parameter takes: values that are right, values that are wrong.
    private static let types: [String: (right: [String], wrong: [String])] = [
        "bool": (["yes", "off", "1", "0"], ["\"yes\"", "maybe", "$x"]),
        "number": (["1", "yes"], ["\"1\"", "x", "99999999999"]),
        "signed": (["-1", "2"], ["\"-1\"", "x"]),
        "string": (["\"x\""], ["5", "x", "yes"]),
        "word": (["x", "\"x\"", "a.b"], ["$x"]),
        "address": (["127.0.0.1", "\"127.0.0.1\""], ["$x"]),
    ]

    /// Type, and the names of parameters; synonyms have a slash between them.
    private static let table = """
        word advertised_address chroot mcast rundir/run_dir workdir/wdir user/uid group/gid
        number advertised_port async_workers async_usleep bind_ipv6_link_local children dns_cache_flags dns_cache_gc_interval
        number dns_cache_max_ttl dns_cache_mem dns_cache_min_ttl dns_cache_negative_ttl dns_cache_rec_pref
        number dns_cache_del_nonexp/dns_cache_delete_nonexpired dns_slow_query_ms enable_sctp
        bool async_nonblock auto_aliases/auto_domains auto_bind_ipv6 check_via disable_core_dump disable_tcp
        bool disable_tls/tls_disable enable_tls/tls_enable disable_sctp dns rev_dns/dns_rev_via dns_cache_init
        bool use_dns_cache/dns_use_cache dns_naptr_ignore_rfc dns_search_full_match dns_use_search_list
        bool dns_srv_lb/dns_srv_loadbalancing dns_try_ipv6 dns_try_naptr use_dns_failover/dns_use_failover
        string async_workers_group async_tkv_gname async_tkv_evcb
        signed corelog/core_log debug dns_retr_no dns_retr_time dns_servers_no dns_sctp_pref/dns_sctp_preference
        signed dns_tcp_pref/dns_tcp_preference dns_tls_pref/dns_tls_preference dns_udp_pref/dns_udp_preference
        number dst_blocklist_expire/dst_blocklist_ttl dst_blocklist_gc_interval dst_blocklist_mem dst_blocklist_tcp_imask
        number dst_blocklist_tls_imask dst_blocklist_udp_imask dst_blocklist_sctp_imask
        bool dst_blocklist_init use_dst_blocklist fifo_kill sighup_reload connect_required
        number drain_time max_transactions query_timeout exit_timeout/ser_kill_timeout fork_delay modinit_delay
        bool force_rport/add_rport local_rport fork http_reply_parse/http_reply_hack
        string hdr_name_extra_chars uri_host_extra_chars log_engine_type log_engine_data log_prefix
        signed ip_free_bind/ipfreebind/ip_nonlocal_bind latency_cfg_log latency_log open_files_limit
        number received_route_mode latency_limit_action latency_limit_cfg latency_limit_db socket_workers
        bool log_color log_stderror loop_checks mcast_loopback mhomed onsend_route_reply phone2tel pmtu_discovery
        string log_name server_header user_agent_header version_table xavp_via_params xavp_via_fields
        string xavp_via_reply_params stats_name_separator
        number log_prefix_mode max_branches max_recursive_level max_while_loops maxbuffer maxsndbuffer
        signed memdbg/mem_dbg memlog/mem_log mcast_ttl
        number mem_add_size mem_join mem_safety mem_status_mode mem_summary shm/shm_mem/shm_mem_size
        bool mlock_pages shm_force_alloc msg_time reply_to_via server_signature sip_parser_log_oneline sip_warning
        number msg_apply_changes_mode msg_clone_extra_size msg_recv_max_size port pv_buffer_size pv_buffer_slots
        number pv_cache_limit pv_cache_action real_time rt_prio rt_policy rt_timer1_prio/rt_fast_timer_prio/rt_ftimer_prio
        number rt_timer1_policy/rt_ftimer_policy rt_timer2_prio/rt_stimer_prio rt_timer2_policy/rt_stimer_policy
        number return_mode route_locks_size rpc_exec_delta rpc_exec_locks rpc_exec_locks_mode sctp_children
        signed server_id sip_parser_log
        number sip_parser_mode sql_buffer_size stun_refresh_interval
        bool syn_branch stun_allow_stun stun_allow_fp tcp_accept_aliases tcp_accept_unique tcp_accept_hep3
        bool tcp_accept_haproxy tcp_accept_no_cl tcp_close_rst udp_accept_proxy tcp_buf_write/tcp_async tcp_clone_rcvbuf
        number tcp_connection_match tcp_accept_protocols/tcp_accept_protos tcp_accept_iplimit tcp_max_connections
        number tls_max_connections tcp_listen_backlog tcp_conn_wq_max tcp_wq_max tcp_wq_blk_size tcp_rd_buf_size
        signed tcp_check_timer tcp_connect_timeout tcp_connection_lifetime tcp_msg_data_timeout tcp_msg_read_timeout
        signed tcp_send_timeout tcp_linger2
        number tcp_children tcp_main_threads tcp_script_mode tcp_wait_data tls_threads_mode
        bool tcp_fd_cache tcp_crlf_ping tcp_keepalive tcp_delayed_ack tcp_reuse_port tcp_no_connect
        number tcp_keepcnt tcp_keepidle tcp_keepintvl tcp_defer_accept tcp_syncnt
        address tcp_source_ipv4
        string tls_ca_list tls_certificate tls_private_key
        signed tls_handshake_timeout tls_send_timeout tls_log/tlslog
        number tls_port_no udp_mtu udp_receiver_mode udp4_raw_mtu wait_worker1_mode wait_worker1_time wait_worker1_usleep
        bool tls_require_certificate tls_verify tls_connection_match_domain verbose_startup
        signed udp4_raw udp4_raw_ttl
        """

    private static let lines = table.split(separator: "\n").map(String.init)

    private func settings(_ text: String) -> (settings: Settings, diagnostics: Diagnostics) {
        let diagnostics = Diagnostics()
        let tree = Parser.parse(
            Source(name: "x.cfg", text: text), preprocessor: Preprocessor(diagnostics: diagnostics))
        return (Settings.build(tree, diagnostics: diagnostics), diagnostics)
    }

    @Test(arguments: lines) func names(line: String) throws {
        let words = line.split(separator: " ").map(String.init)
        let (right, wrong) = try #require(GlobalTests.types[words[0]])
        for synonyms in words.dropFirst() {
            let names = synonyms.split(separator: "/").map(String.init)
            for name in names {
                for value in right {
                    let (settings, diagnostics) = settings("\(name) = \(value)\n")
                    #expect(diagnostics.errors == 0, "\(name) = \(value): \(diagnostics.text)")
                    #expect(settings.isSet(names[0]) || Global.named[name]?.treatment == .mapped, "\(name)")
                }
                for value in wrong {
                    #expect(settings("\(name) = \(value)\n").diagnostics.errors == 1, "\(name) = \(value)")
                }
            }
        }
    }

    /// Words instead of any text.
    @Test(
        arguments: [
            ("log_facility", ["LOG_DAEMON", "LOG_LOCAL7"]),
            ("tcp_poll_method", ["poll", "epoll_lt", "sigio_rt", "kqueue"]),
            ("tls_method", ["SSLv23", "TLSv1", "\"TLSv1\""]),
            ("tos", ["IPTOS_LOWDELAY", "IPTOS_MINCOST", "16", "0x10"]),
            ("udp_mtu_try_proto", ["UDP", "TCP", "TLS", "SCTP"]), ("ipv6_hex_style", ["\"a\"", "\"A\"", "\"c\""]),
            ("log_format", ["text", "json"]),
        ] as [(String, [String])]) func words(name: String, values: [String])
    {
        for value in values {
            let said = settings("\(name) = \(value)\n").diagnostics
            #expect(said.errors == 0, "\(said.text)")
        }
        #expect(settings("\(name) = \"nonsense\"\n").diagnostics.errors == 1)
    }

    /// Whether a parameter that means nothing is told of, and that none of the others is.
    @Test func whatHasNoMeaning() {
        for global in Global.all {
            let value =
                switch global.kind {
                case .bool, .number: global.range.contains(1) ? "1" : "\(global.range.lowerBound)"
                case .string: "\"c\""
                case .word, .mixed: global.words.first ?? "x"
                }
            let said = settings("\(global.name) = \(value)\n").diagnostics.text
            #expect(said.contains("accepted, without meaning here: \(global.name)") == (global.treatment == .ignored))
            #expect(said.contains("without effect in this version: \(global.name)") == (global.treatment == .later))
            #expect(said.contains(": notice: ") == (global.treatment == .mapped), "\(said)")
        }
    }

    /// SER's defaults under its marker.
    @Test func defaultsByDialect() {
        #expect(settings("#!SER\n").settings.debug == 2 && settings("#!SER\n").settings.isOn("sip_warning"))
        #expect(settings("#!KAMAILIO\n").settings.debug == 0 && !settings("").settings.isOn("sip_warning"))
    }

    @Test func theLastValueCounts() {
        let (settings, diagnostics) = settings("debug = 1\nfork = yes;\ndebug = -3;\n")
        #expect(settings.debug == -3 && settings.isOn("fork"))
        #expect(diagnostics.warnings == 1)
    }

    /// Every way to write a place to listen.
    @Test(
        arguments: [
            ("listen = 127.0.0.1", 1), ("listen = udp:127.0.0.1:5070 tcp:127.0.0.1", 2),
            ("listen = tcp:[::1]:5070\n  udp:lo:*", 2), ("listen = *:a.example.com:5060", 1),
            ("listen = \"udp:a.b:5060\"", 1),
            ("listen = eth0 eth1:5070", 2), ("listen = udp:(10.0.0.1, 10.0.0.2):5060", 1),
            ("listen = 10.0.0.1:5060 advertise 192.0.2.1:5080 name \"a\" virtual 10.0.0.2", 2),
            ("listen = 10.0.0.1:5060 name \"a\" virtual advertise udp:sip.example.com", 1),
            (
                "socket = { bind = tls:10.0.0.1:5061; advertise = a.b:5; name = \"s\"; agname = \"g\"; workers = 2; virtual = yes; vrf = \"x\" }",
                1
            ),
            ("socket = { bind = 10.0.0.1:5060-5070 }", 1),
        ] as [(String, Int)]) func listening(line: String, count: Int)
    {
        let (settings, diagnostics) = settings(line + "\n")
        #expect(diagnostics.errors == 0, "\(diagnostics.text)")
        #expect(settings.listeners.count == count)
    }

    @Test func aliases() {
        let (settings, diagnostics) = settings("alias = a.b tcp:c:5061 \"d:5062\" e:*\ndomain = f-1.2g.h\n")
        #expect(diagnostics.errors == 0, "\(diagnostics.text)")
        #expect(settings.aliases.map(\.host.text) == ["a.b", "c", "d", "e", "f-1.2g.h"])
        #expect(settings.aliases.map(\.port) == [nil, 5061, 5062, nil, nil])
    }

    @Test func flags() {
        let (settings, diagnostics) = settings("flags A, B:0, C, \"D\":31\nbool E\navpflags X, Y:7, Z\n")
        #expect(settings.flags["B"] == 0 && settings.flags["D"] == 31 && settings.flags["E"] != nil)
        #expect(settings.avpFlags["Y"] == 7 && settings.avpFlags.count == 3)
        // A has taken 0 already.
        #expect(diagnostics.warnings == 1)
    }
}
