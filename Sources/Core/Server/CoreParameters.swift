import CLinux
import PluginAPI

// Invariants: declared on the main thread before the script is compiled; the effects run on workers, each on what is its own. `shared` lives for
// ever.

/// The parameters of the groups `core` and `tcp` that may change while the server runs, under the names that Kamailio's operators know.
struct CoreParameters {
    /// One of them.
    struct Entry {
        let group: String
        let name: String
        /// The global parameter of the config that it is at the start.
        let global: String
        let effect: Effect
    }

    /// What a change does.
    enum Effect: Sendable {
        case logLevel
        case logFacility
        case resolver
        case connections
        /// What the server keeps for each worker.
        case worker
        /// Modules are told that go by it.
        case modules
        /// Nothing: it is taken, since programs set it, and does nothing in this design.
        case none
        /// It is shown, and cannot change.
        case fixed
    }

    static let all: [Entry] = {
        func core(_ names: [String], _ effect: Effect) -> [Entry] {
            names.map { Entry(group: "core", name: $0, global: $0, effect: effect) }
        }
        let tcp = StreamOptions.changeable.map {
            Entry(group: "tcp", name: $0, global: "tcp_" + $0, effect: .connections)
        }
        let fixed = [
            ("max_tls_connections", "tls_max_connections"), ("fd_cache", "tcp_fd_cache"), ("async", "tcp_buf_write"),
            ("defer_accept", "tcp_defer_accept"),
        ]
        return core(["debug"], .logLevel) + core(["log_facility"], .logFacility)
            + core(["use_dst_blocklist", "dst_blocklist_expire"] + blockListMasks, .modules)
            + core(ResolverOptions.changeable, .resolver)
            + core(ofWorkers, .worker)
            + core(withoutEffect, .none) + tcp
            + fixed.map { Entry(group: "tcp", name: $0, global: $1, effect: .fixed) }
    }()

    private static let blockListMasks = ["udp", "tcp", "tls", "sctp"].map { "dst_blocklist_\($0)_imask" }

    private static let ofWorkers = [
        "max_while_loops", "force_rport", "count_user_agents", "count_hints", "corelog", "sip_parser_log", "udp_mtu",
        "udp_mtu_try_proto", "latency_log", "latency_cfg_log", "latency_limit_action", "latency_limit_cfg",
        "latency_limit_db",
    ]

    private static let withoutEffect = [
        "sip_parser_log_oneline", "dst_blocklist_mem", "dns_cache_del_nonexp", "dns_cache_rec_pref",
        "dns_search_full_match", "memdbg", "memlog",
        "mem_summary", "mem_safety", "mem_join", "mem_status_mode", "udp4_raw", "udp4_raw_mtu", "udp4_raw_ttl",
        "pv_cache_limit", "pv_cache_action",
    ]

    /// The one that a global parameter is, if it may change.
    static func of(global name: String) -> Entry? { all.first { $0.global == name && $0.effect != .fixed } }

    /// What a config makes of it.
    func initial(_ settings: Settings) -> apus_value {
        switch entry.effect {
        case .logLevel:
            apus_value(Int64((command.debugLevel ?? settings.number("debug")) + command.debugIncrease))
        case .logFacility: apus_value(apus_str(PermanentText.bytes(settings.text(entry.global) ?? "LOG_DAEMON")))
        case .resolver: apus_value(Int64(ResolverOptions.initial(entry.global, settings)))
        default: apus_value(Int64(CoreParameters.number(entry.global, settings)))
        }
    }

    /// What the config makes of a parameter that is a number to operators: a transport is its number, as with Kamailio.
    static func number(_ name: String, _ settings: Settings) -> Int {
        guard name == "udp_mtu_try_proto" else { return settings.number(name) }
        let transport = settings.text(name).flatMap { TransportProtocol(Bytes(permanent: $0)) }
        return Int((transport ?? .udp).rawValue)
    }

    private let entry: Entry
    private let command: Options

    /// - Parameter command: its log level wins over the config's.
    init(_ entry: Entry, command: Options) {
        self.entry = entry
        self.command = command
    }

    static func declare(in registry: Registry, _ settings: Settings, command: Options, _ modules: Modules) {
        for entry in all {
            let initial = CoreParameters(entry, command: command).initial(settings)
            nonisolated(unsafe) let value = initial
            registry.changeable.add(
                ChangeableParameter(
                    group: entry.group, name: entry.name, doc: doc(entry), isNumber: !value.hasText,
                    range: range(entry, value), words: value.hasText ? Global.named[entry.global]?.words ?? [] : [],
                    isFixed: entry.effect == .fixed, apply: nil, read: { value }))
        }
        // What a worker takes over it takes over as a whole: by then all of them have their places.
        let workers = WorkerParameters(modules.shared, registry.changeable, settings)
        for entry in all {
            guard let number = registry.changeable.number(entry.group, entry.name) else { continue }
            registry.changeable.all[number].apply = workers.effect(entry.effect)
        }
    }

    private static func doc(_ entry: Entry) -> String {
        switch entry.effect {
        case .logLevel: "The log's level: what is worse is written, too."
        case .none: "The global parameter \(entry.global), which has no effect here."
        case .connections where entry.name == "max_connections":
            "The global parameter \(entry.global): at most what it was at the start."
        default: "The global parameter \(entry.global)."
        }
    }

    private static func range(_ entry: Entry, _ initial: apus_value) -> ClosedRange<Int64>? {
        guard !initial.hasText, let global = Global.named[entry.global] else { return nil }
        if global.kind == .bool { return 0...1 }
        if entry.name == "udp_mtu_try_proto" {
            return Int64(TransportProtocol.udp.rawValue)...Int64(TransportProtocol.sctp.rawValue)
        }
        // The table of connections is as large as it was made.
        if entry.group == "tcp", entry.name == "max_connections" { return 0...initial.num }
        return global.range
    }

    // MARK: - The script's own

    /// `group.name = value desc "..."`: declares it, or sets the parameter of the module that the group is; then the instances `group[n].name = value`.
    static func declareOwn(_ settings: Settings, in registry: Registry, _ modules: Modules) {
        for own in settings.custom where own.instance == nil {
            if modules.module(named: own.group) != nil {
                modules.set(own.group, own.name, own.value.parameterValue(PermanentText.bytes), at: own.range)
                continue
            }
            guard own.group != "core" else {
                modules.diagnostics.error(
                    "`core` is the group of the server's own parameters", at: own.range,
                    hint: "write `\(own.name) = ...`, or choose another group")
                continue
            }
            nonisolated(unsafe) let initial = own.value.permanent
            registry.changeable.add(
                ChangeableParameter(
                    group: own.group, name: own.name, doc: own.description ?? "A parameter of the script's.",
                    isNumber: !initial.hasText, range: nil, apply: nil, read: { initial }))
        }
        for own in settings.custom {
            if let id = own.instance { declare(own, instance: id, in: registry.changeable, modules) }
        }
    }

    private static func declare(
        _ own: Settings.Custom, instance id: Int64, in changeable: ChangeableParameters, _ modules: Modules
    ) {
        guard let number = changeable.number(own.group, own.name) else {
            let known = changeable.names(in: own.group)
            modules.diagnostics.error(
                "group `\(own.group)` has no parameter `\(own.name)` that may change while the server runs",
                at: own.range,
                hint: known.flatMap { Suggest.hint(for: own.name, among: $0) }
                    ?? "declare it for the group first: `\(own.group).\(own.name) = …`")
            return
        }
        let value = own.value.permanent
        if let mistake = changeable.all[number].mistake(in: value) {
            modules.diagnostics.error("`\(own.groupText).\(own.name)` \(mistake)", at: own.range)
            return
        }
        if modules.module(named: own.group) != nil || own.group == "core" {
            modules.diagnostics.warning(
                "only `@cfg_get.\(own.group).\(own.name)` gives the values of instances", at: own.range,
                hint: "the server and its modules go by the group's own value")
        }
        changeable.declareInstance(own.group, id, number, value)
    }
}

extension Settings.Value {
    /// Its text lives for ever.
    fileprivate var permanent: apus_value {
        switch self {
        case .number(let number): apus_value(number)
        case .text(let text): apus_value(apus_str(PermanentText.bytes(text)))
        }
    }
}
