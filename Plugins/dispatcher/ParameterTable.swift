import PluginKit

// Invariants: runs before workers start. `changed` runs on workers and writes what is atomic only.

/// Every parameter: its default, its range and what it means stand here and nowhere else.
enum ParameterTable {
    static var all: [Parameter<Settings>] { sources + selection + failover + load + probing + latency + names }

    private static var sources: [Parameter<Settings>] {
        [
            .text(
                "list_file", \.listFile,
                doc: "File with the destination sets; unset: dispatcher.list beside the config, then Kamailio's places."
            ),
            .text("db_url", \.databaseURL, doc: "Database with the destination sets, instead of the file."),
            .text("table_name", \.table, "dispatcher", doc: "Its table."),
            .text("setid_col", \.setColumn, "setid", doc: "Column of the set's number."),
            .text("destination_col", \.uriColumn, "destination", doc: "Column of the URI."),
            .text("flags_col", \.flagsColumn, "flags", doc: "Column of the flags."),
            .text("priority_col", \.priorityColumn, "priority", doc: "Column of the priority."),
            .text("attrs_col", \.attributesColumn, "attrs", doc: "Column of the attributes."),
            .text(
                "ds_db_extra_attrs", \.extraAttributes,
                doc: "Further columns that become attributes: name=column, with semicolons between."),
            .flag(
                "ds_load_mode", \.loadMode, 0,
                doc: "1: a destination that cannot be one fails the load; 0: it is left out, with an error in the log."),
            .number(
                "reload_delta", \.reloadDelta, 0, 0...86400, doc: "Least time between two reloads, seconds; 0: any."),
            .flag("ds_attrs_none", \.attributesNone, 0, doc: "1: destinations without attributes get none=yes."),
            .flag(
                "ds_order_compat", \.orderCompat, 0,
                doc: "1: of equal priorities the last one of the source comes first, as in Kamailio."),
        ]
    }

    private static var selection: [Parameter<Settings>] {
        [
            .flag(
                "force_dst", \.forceDestination, 1,
                doc: "0: ds_select_dst is false when the request has a destination already."),
            .number(
                "flags", \.flags, 0, 0...3,
                doc: "A sum: 1 only the user part of URIs is hashed; 2 the other destinations are kept for ds_next_dst."
            ),
            .flag("use_default", \.useDefault, 0, doc: "1: the last destination of a set is its last resort only."),
            .flag(
                "ds_hash_consistent", \.hashConsistent, 0,
                doc: "1: a destination that comes or goes moves its own share of the hashed keys only."),
            .text("hash_pvar", \.hashText, doc: "Text with variables that algorithm 7 hashes."),
            .text("setid_pvname", \.setVariable, doc: "Variable that ds_is_from_list sets to the number of the set."),
            .text(
                "attrs_pvname", \.attributesVariable,
                doc: "Variable that ds_is_from_list sets to the attributes of the destination."),
            .text(
                "ds_default_socket", \.defaultSocket,
                doc: "Socket that requests and probes leave by, unless their destination has one."),
            .text("ds_default_sockname", \.defaultSocketName, doc: "The same by name; it wins."),
        ]
    }

    private static var failover: [Parameter<Settings>] {
        [
            .text("dst_avp", \.destinationAVP, doc: "AVP of the URIs of a selection, the one in use first."),
            .text("grp_avp", \.groupAVP, doc: "AVP of the number of the set."),
            .text("cnt_avp", \.countAVP, doc: "AVP of how many URIs there are."),
            .text("dstid_avp", \.callAVP, doc: "AVP of the duid of each."),
            .text("attrs_avp", \.attributesAVP, doc: "AVP of the attributes of each."),
            .text("xavp_dst", \.destinationXAVP, "_dsdst_", doc: "XAVP of a selection, the destination in use first."),
            .number(
                "xavp_dst_mode", \.destinationXAVPMode, 0, 0...7,
                doc: "Its fields, a sum: 1 without attrs, 2 with socket, 4 with sockname."),
            .text("xavp_ctx", \.contextXAVP, "_dsctx_", doc: "XAVP with the number of destinations of a selection."),
            .number("xavp_ctx_mode", \.contextXAVPMode, 0, 0...1, doc: "1: without cnt."),
        ]
    }

    private static var load: [Parameter<Settings>] {
        let seconds: ClosedRange<Int64> = 1...31_536_000
        return [
            .number(
                "ds_hash_size", \.hashSize, 0, 0...20,
                doc: "Power of two of the slots for calls that are counted; 0: algorithm 10 counts none."),
            .number(
                "ds_hash_expire", \.hashExpire, 7200, seconds,
                doc: "A call that was answered is not counted any more after so many seconds."),
            .number(
                "ds_hash_initexpire", \.hashInitialExpire, 7200, seconds,
                doc: "A call of which no answer was seen is not counted any more after so many seconds."),
            .number(
                "ds_hash_check_interval", \.hashCheckInterval, 30, 1...86400,
                doc: "How often that is looked after, seconds."),
        ]
    }

    private static var probing: [Parameter<Settings>] {
        let threshold: ClosedRange<Int64> = 1...1_000_000
        return [
            .text("ds_ping_method", \.pingMethod, "OPTIONS", doc: "Method of probes."),
            .text("ds_ping_from", \.pingFrom, "sip:dispatcher@localhost", doc: "From of probes."),
            .number(
                "ds_ping_interval", \.pingInterval, 0, 0...86400,
                doc: "How often each destination is probed, seconds; 0: never. Needs tm."),
            .number(
                "ds_probing_threshold", \.probingThreshold, 1, threshold, .whileRunning,
                doc: "Failures in a row that make a destination inactive."),
            .number(
                "ds_probing_threshhold", \.probingThreshold, 1, threshold, .whileRunning,
                doc: "Older name of ds_probing_threshold."),
            .number(
                "ds_inactive_threshold", \.inactiveThreshold, 1, threshold, .whileRunning,
                doc: "Successes in a row that make an inactive destination active."),
            .text(
                "ds_ping_reply_codes", \.replyCodes, "", .whileRunning,
                doc: "Good answers beside 2xx: code=403;class=3"),
            .number(
                "ds_probing_mode", \.probingMode, 0, 0...3,
                doc: "Who is probed: 0 flagged ones, until they answer; 1 all; 2 inactive flagged ones; 3 flagged ones."
            ),
            .number(
                "ds_ping_fr_timeout", \.pingTimeout, 0, 0...3_600_000,
                doc: "How long the answer to a probe is waited for, milliseconds; 0: as tm's fr_timer."),
            .number("ds_ping_fr_timer", \.pingTimeout, 0, 0...3_600_000, doc: "The same as ds_ping_fr_timeout."),
            .text("ds_ping_socket", \.pingSocket, doc: "Socket that probes leave by."),
            .text("outbound_proxy", \.outboundProxy, doc: "URI that probes go through."),
            .text("ds_outbound_proxy", \.outboundProxy, doc: "The same as outbound_proxy."),
            .text(
                "event_callback", \.eventCallback,
                doc: "No effect: there are no scripts in other languages; event routes run."),
            .number(
                "event_callback_mode", \.eventMode, 0, 0...2,
                doc: "When event routes run: 0 probes and script functions, 1 probes only, 2 at start and reload, too."),
            .number("ds_timer_mode", \.timerMode, 0, 0...1, doc: "No effect: probes have no process of their own."),
        ]
    }

    private static var latency: [Parameter<Settings>] {
        [
            .flag("ds_ping_latency_stats", \.latencyStatistics, 0, doc: "1: the time to answer probes is measured."),
            .flag(
                "ds_retain_latency_stats", \.retainLatency, 0,
                doc: "No effect: what was measured outlives reloads in any case."),
            .number(
                "ds_latency_estimator_alpha", \.latencyAlpha, 100, 0...1000,
                doc: "Weight of the last answer in the estimate, in thousandths."),
        ]
    }

    private static var names: [Parameter<Settings>] {
        [
            .number(
                "ds_dns_mode", \.dnsMode, 1, 0...15,
                doc:
                    "When names are looked up, a sum: 1 start, reload; 2 when asked for; 4 by timer; 8 by SRV and NAPTR."
            ),
            .number("ds_dns_interval", \.dnsInterval, 600, 1...86400, doc: "Interval of that timer, seconds."),
            .number(
                "ds_dns_ttl", \.dnsTTL, 0, 0...86400,
                doc: "Seconds for which what was found for a name is not asked for again; 0: as the answer says."),
            .flag(
                "ds_dns_match_all", \.dnsMatchAll, 0,
                doc: "1: ds_is_from_list compares with all addresses of a name; 0: with the first one."),
        ]
    }
}

/// Takes a change of a parameter that may change while the server runs: on each worker, to the same value.
let takeChange: ParameterChange = { host, place, value, _ in
    let shared = state.pointee.shared
    let count = UInt32(clamping: value.pointee.num)
    if place == UnsafeRawPointer(state.pointer(to: \.settings.probingThreshold)!) {
        shared.pointee.probingThreshold.store(count, ordering: .relaxed)
    } else if place == UnsafeRawPointer(state.pointer(to: \.settings.inactiveThreshold)!) {
        shared.pointee.inactiveThreshold.store(count, ordering: .relaxed)
    } else if place == UnsafeRawPointer(state.pointer(to: \.settings.replyCodes)!) {
        // Once is enough.
        if host.pointee.worker.pointee.index(host) == 0 { ReplyCodes.take(value.pointee.str, host) }
    }
}
