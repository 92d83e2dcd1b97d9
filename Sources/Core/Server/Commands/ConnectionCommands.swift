import Glibc

/// Connections: their number, what the config says of them, and each of them.
extension CoreCommands {
    func declareConnections() throws(CommandRegistry.Refusal) {
        let view = view
        try add(
            "core.tcp_info",
            reply: """
                {readers:int, max_connections:int, max_tls_connections:int, opened_connections:int, \
                opened_tls_connections:int, write_queued_bytes:int}
                """,
            "How many connections there are and may be, over how many workers, and bytes that wait to be written."
        ) { execution in
            guard let report = Server.connections, view.hasTCP else { return execution.fail(500, CoreCommands.noTCP) }
            let answer = execution.answer
            answer.map {
                answer.add(view.workers?.count ?? 0, key: "readers")
                answer.add(view.streamOptions.maxConnections, key: "max_connections")
                answer.add(view.settings.number("tls_max_connections"), key: "max_tls_connections")
                answer.add(report.count, key: "opened_connections")
                answer.add(report.securedCount, key: "opened_tls_connections")
                answer.add(report.queued, key: "write_queued_bytes")
            }
            return .done
        }
        try add(
            "core.tcp_options",
            reply: """
                {connect_timeout:int, send_timeout:int, connection_lifetime:int, max_connections(soft):int, \
                max_tls_connections(soft):int, no_connect:int, fd_cache:int, async:int, connect_wait:int, \
                conn_wq_max:int, wq_max:int, defer_accept:int, delayed_ack:int, syncnt:int, linger2:int, \
                keepalive:int, keepidle:int, keepintvl:int, keepcnt:int, crlf_ping:int, accept_aliases:int, \
                alias_flags:int, new_conn_alias_flags:int}
                """,
            "What is in force for connections; times in seconds, -1 without end."
        ) { execution in
            guard view.hasTCP else { return execution.fail(500, CoreCommands.noTCP) }
            CoreCommands.add(view.streamOptions, view.settings, execution.answer)
            return .done
        }
        try add(
            "core.tcp_list",
            reply: """
                [{id:int, type:string, state:string, timeout:int, lifetime:int, ref_count:int, src_ip:string, \
                src_port:int, dst_ip:string, dst_port:int}]
                """,
            "Each connection; seconds until it is closed if nothing comes or goes, -1 without end. src is the peer."
        ) { execution in
            guard let report = Server.connections, view.hasTCP else { return execution.fail(500, CoreCommands.noTCP) }
            let lifetime = view.streamOptions.lifetime
            execution.answer.array {
                for line in report.lines(lifetime: lifetime) {
                    CoreCommands.add(line, lifetime: CoreCommands.seconds(lifetime), execution.answer)
                }
            }
            return .done
        }
    }

    private static let noTCP = "tcp support disabled"

    /// Whole seconds; -1: without end.
    private static func seconds(_ milliseconds: UInt64) -> Int {
        milliseconds == StreamOptions.forever ? -1 : Int(milliseconds / 1000)
    }

    private static func add(_ options: StreamOptions, _ settings: Settings, _ answer: Answer) {
        answer.map {
            answer.add(seconds(options.connectTimeout), key: "connect_timeout")
            answer.add(seconds(options.sendTimeout), key: "send_timeout")
            answer.add(seconds(options.lifetime), key: "connection_lifetime")
            answer.add(options.maxConnections, key: "max_connections(soft)")
            answer.add(settings.number("tls_max_connections"), key: "max_tls_connections(soft)")
            answer.add(options.neverConnects ? 1 : 0, key: "no_connect")
            answer.add(settings.isOn("tcp_fd_cache") ? 1 : 0, key: "fd_cache")
            // Nothing waits for a connection, whatever the config says.
            answer.add(1, key: "async")
            answer.add(1, key: "connect_wait")
            answer.add(options.maxQueuedOfOne, key: "conn_wq_max")
            answer.add(options.maxQueued, key: "wq_max")
            answer.add(Int(options.deferAccept), key: "defer_accept")
            answer.add(Int(options.delayedAck), key: "delayed_ack")
            answer.add(Int(options.synCount), key: "syncnt")
            answer.add(Int(options.linger2), key: "linger2")
            answer.add(options.keepAlive ? 1 : 0, key: "keepalive")
            answer.add(Int(options.keepIdle), key: "keepidle")
            answer.add(Int(options.keepInterval), key: "keepintvl")
            answer.add(Int(options.keepCount), key: "keepcnt")
            answer.add(options.answersPings ? 1 : 0, key: "crlf_ping")
            answer.add(options.acceptsAliases ? 1 : 0, key: "accept_aliases")
            // Kamailio's numbers for what is done here: the newest connection of an address is found first.
            answer.add(1, key: "alias_flags")
            answer.add(2, key: "new_conn_alias_flags")
        }
    }

    private static func add(_ line: ConnectionReport.Line, lifetime: Int, _ answer: Answer) {
        let state =
            switch line.phase {
            case .connecting: "CONN_CONNECT"
            case .open: "CONN_OK"
            case .ending: "CONN_EOF"
            }
        answer.map {
            answer.add(Int(line.id.raw), key: "id")
            answer.add("\(line.proto.viaName)", key: "type")
            answer.add(state, key: "state")
            answer.add(line.timeout ?? -1, key: "timeout")
            answer.add(lifetime, key: "lifetime")
            // Its worker is the only one that holds it.
            answer.add(1, key: "ref_count")
            answer.add(line.remote.addressText, key: "src_ip")
            answer.add(Int(line.remote.port), key: "src_port")
            answer.add(line.local.addressText, key: "dst_ip")
            answer.add(Int(line.local.port), key: "dst_port")
        }
    }
}
