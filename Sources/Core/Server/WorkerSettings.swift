/// What a worker goes by and may change while it runs.
struct WorkerSettings: Sendable {
    /// Requests are answered to the port that they came from (force_rport).
    var forcesRport = false
    /// core.msgstats tells which programs send (count_user_agents).
    var countsUserAgents = false
    /// core.msgstats tells how many requests leave with each P-hint (count_hints).
    var countsHints = false
    /// At which messages that are none are logged (corelog, sip_parser_log).
    var refusalLevel = LogLevel.info
    /// What takes so long that it is told.
    var latency = Latency.Limits()
    /// What leaves by another transport than UDP.
    var largeRequests = LargeRequests()
    /// Nanoseconds after which work of databases is told of, for the whole process; 0: never (latency_limit_db).
    var databaseLimit: UInt64 = 0
}

extension WorkerSettings {
    /// Makes them of parameters' numbers: those of the config, and those that operators set later.
    struct Reader: Sendable {
        private let isSER: Bool
        private let refusal: RefusalLevel
        /// latency_cfg_log in the config; once it is set blocks are timed, whatever their limit.
        private let blockLog: (value: Int, isSet: Bool)

        init(_ settings: Settings) {
            isSER = settings.dialect == .ser
            refusal = RefusalLevel(settings)
            blockLog = (settings.number("latency_cfg_log"), settings.isSet("latency_cfg_log"))
        }

        /// - Parameter number: their values by now.
        func read(_ number: (String) -> Int) -> WorkerSettings {
            var result = WorkerSettings()
            result.forcesRport = number("force_rport") != 0
            result.countsUserAgents = number("count_user_agents") != 0
            result.countsHints = number("count_hints") != 0
            result.refusalLevel = refusal.level(number)
            result.latency = latency(number)
            result.databaseLimit = nanoseconds(number("latency_limit_db"))
            result.largeRequests = LargeRequests(
                udpMTU: number("udp_mtu"),
                transport: TransportProtocol(rawValue: UInt8(clamping: number("udp_mtu_try_proto"))) ?? .udp)
            return result
        }

        private func latency(_ number: (String) -> Int) -> Latency.Limits {
            var limits = Latency.Limits()
            limits.action = nanoseconds(number("latency_limit_action"))
            limits.actionLevel = level(number("latency_log"))
            let block = nanoseconds(number("latency_limit_cfg"))
            if block > 0 || blockLog.isSet || number("latency_cfg_log") != blockLog.value { limits.block = block }
            limits.blockLevel = level(number("latency_cfg_log"))
            return limits
        }

        private func nanoseconds(_ microseconds: Int) -> UInt64 { UInt64(max(0, microseconds)) * 1000 }

        private func level(_ number: Int) -> LogLevel { LogLevel(clamping: LogScale.level(number, isSER: isSER)) }
    }
}

/// At which level messages that are none are logged: corelog and sip_parser_log, of which the more silent one counts, where they are set.
struct RefusalLevel {
    private let isSER: Bool
    private let values: [(name: String, value: Int, isSet: Bool)]

    init(_ settings: Settings) {
        isSER = settings.dialect == .ser
        values = ["corelog", "sip_parser_log"].map { ($0, settings.number($0), settings.isSet($0)) }
    }

    /// - Parameter number: their values by now; one that was changed is set.
    func level(_ number: (String) -> Int) -> LogLevel {
        let levels = values.compactMap { name, initial, isSet -> Int? in
            let value = number(name)
            return isSet || value != initial ? LogScale.level(value, isSER: isSER) : nil
        }
        return levels.max().map { LogLevel(clamping: $0) } ?? .info
    }
}
