import PluginKit

// Invariants: as State.

/// Parameters, as they are set: plain data, which may be copied on the way of a message.
struct Settings {
    /// Seconds for which a proxy that does not answer is left alone.
    var disableTimeout: Int64 = 60
    /// Milliseconds for which the answer to each sending is waited for.
    var timeout: Int64 = 1000
    /// Sendings altogether.
    var tries: Int64 = 5
    var extraID = apus_str()
    var allowsRunning: Int64 = 0
    var queriedNodes: Int64 = 0
    var defaultSet: Int64 = 0
    var setVariable = apus_str()
    var sendInterface = apus_str()
    var readVariable = apus_str()
    var writeVariable = apus_str()
    var writeMode: Int64 = 0
    var instanceVariable = apus_str()
    var durationVariable = apus_str()
    var tableSize: Int64 = 256
    var tableTimeout: Int64 = 3600
    var hashAlgorithm: Int64 = 2
    var pings: Int64 = 1
    /// -1: as the system has it.
    var typeOfService: Int64 = -1
    var databaseURL = apus_str()
    var digitSocket = apus_str()
    var digitCallID = apus_str()
    var digitSourceTag = apus_str()
    var digitTimestamp = apus_str()
    var digitEvent = apus_str()
    var table = apus_str()
    var setColumn = apus_str()
    var urlColumn = apus_str()
    var weightColumn = apus_str()
    var disabledColumn = apus_str()
}

extension Dialect {
    /// The name of the parameter that names proxies.
    var socketParameter: StaticString {
        switch self {
        case .letters: "rtpproxy_sock"
        case .words: "rtpengine_sock"
        }
    }
}

/// [declare]
func declareParameters(_ host: Host, _ dialect: Dialect) {
    host.parameter(
        dialect.socketParameter,
        doc:
            "Proxies, `[set ==] udp:host:port[=weight] …`, also udp6:host:port and unix:/path; each adds to its set."
    ) { host, value, _ in
        let text = value.pointee.str.string
        do throws(SocketList.Fault) {
            for entry in try SocketList(text, defaultSet: 0).entries {
                _ = try ControlAddress(url: entry.url)
            }
        } catch {
            host.log(.error, error.text)
            return .false
        }
        state.pointee.sockets.append(text)
        return .true
    }
    let settings = state.pointer(to: \.settings)!
    switch dialect {
    case .letters: declareOldParameters(host, settings)
    case .words: declareNewParameters(host, settings)
    }
}

private func declareOldParameters(_ host: Host, _ settings: UnsafeMutablePointer<Settings>) {
    let table: [Parameter<Settings>] = [
        .number(
            "rtpproxy_disable_tout", \.disableTimeout, 60, 1...86_400,
            doc: "Seconds for which a proxy that does not answer is left alone."),
        .number(
            "rtpproxy_retr", \.tries, 5, 0...100, doc: "How often a command is sent altogether; 0 is 1."),
        .text("extra_id_pv", \.extraID, doc: "Pseudo-variable whose value the flag `b` takes."),
    ]
    host.declare(table, in: settings)
    host.parameter(
        "rtpproxy_tout", kind: APUS_PARAM_EITHER, flags: 0,
        doc:
            "Seconds for which the answer to each sending is waited for; a text such as \"500ms\" says milliseconds."
    ) { host, value, _ in
        var milliseconds: Int64?
        if value.pointee.isInt {
            milliseconds = value.pointee.num.multipliedReportingOverflow(by: 1000).partialValue
        } else if value.pointee.str.hasSuffix("ms") {
            milliseconds = value.pointee.str[0..<value.pointee.str.len - 2].number
        }
        guard let milliseconds, 10...3_600_000 ~= milliseconds else {
            host.log(.error, "rtpproxy_tout is a number of seconds, or milliseconds as in \"500ms\"")
            return .false
        }
        state.pointee.settings.timeout = milliseconds
        return .true
    }
}

private func declareNewParameters(_ host: Host, _ settings: UnsafeMutablePointer<Settings>) {
    let selection: [Parameter<Settings>] = [
        .number(
            "rtpengine_disable_tout", \.disableTimeout, 60, 1...86_400,
            doc: "Seconds for which a proxy that does not answer is left alone."),
        .number(
            "rtpengine_tout_ms", \.timeout, 1000, 10...3_600_000,
            doc: "Milliseconds for which the answer to each sending is waited for."),
        .number(
            "rtpengine_retr", \.tries, 5, 0...100, doc: "How often a command is sent altogether; 0 is 1."),
        .flag(
            "rtpengine_allow_op", \.allowsRunning, 0,
            doc: "1: running calls stay on a proxy that an operator has disabled."),
        .number(
            "queried_nodes_limit", \.queriedNodes, 0, 0...256,
            doc: "Proxies that a command is tried on; 0: all of its set."),
        .number(
            "setid_default", \.defaultSet, 0, 0...Int64(Int32.max),
            doc: "The set, when the script chooses none."),
        .text(
            "setid_avp", \.setVariable,
            doc: "Pseudo-variable that holds the set, when the script chooses none."),
        .number(
            "hash_algo", \.hashAlgorithm, 2, 0...2,
            doc:
                "How a call's proxy is chosen: 0 by the sum of the Call-ID's bytes, else by a hash of it."),
        .number(
            "hash_table_size", \.tableSize, 256, 1...1_048_576,
            doc: "Buckets for running calls, for each worker."),
        .number(
            "hash_table_tout", \.tableTimeout, 3600, 1...604_800,
            doc: "Seconds without a command after which a call is forgotten."),
        .number(
            "ping_mode", \.pings, 1, 0...1,
            doc: "1: proxies are asked whether they are there, at the start and when their time is over."),
    ]
    host.declare(selection, in: settings)
    let further: [Parameter<Settings>] = [
        .text("extra_id_pv", \.extraID, doc: "Pseudo-variable whose value `via-branch=extra` takes."),
        .text("force_send_interface", \.sendInterface, doc: "IP address that commands leave from."),
        .number(
            "control_cmd_tos", \.typeOfService, -1, -1...255,
            doc: "Type of service of commands; -1: the system's."),
        .text(
            "read_sdp_pv", \.readVariable,
            doc: "Pseudo-variable that holds the session description to be shown."),
        .text(
            "write_sdp_pv", \.writeVariable,
            doc: "Pseudo-variable that gets the proxy's session description."),
        .flag(
            "write_sdp_pv_mode", \.writeMode, 0, doc: "1: with write_sdp_pv the message gets it, too."),
        .text(
            "rtp_inst_pvar", \.instanceVariable,
            doc: "Pseudo-variable that gets the URL of the proxy that answered."),
        .text(
            "media_duration", \.durationVariable,
            doc: "Pseudo-variable that gets milliseconds from play_media."),
        .text(
            "db_url", \.databaseURL,
            doc: "Database with a table of proxies; without one rtpengine_sock names them."),
        .text("table_name", \.table, "rtpengine", doc: "The table of proxies."),
        .text("setid_col", \.setColumn, "setid", doc: "Its column of sets' numbers."),
        .text("url_col", \.urlColumn, "url", doc: "Its column of proxies, as in rtpengine_sock."),
        .text("weight_col", \.weightColumn, "weight", doc: "Its column of weights."),
        .text(
            "disabled_col", \.disabledColumn, "disabled",
            doc: "Its column that is 1 for proxies not to be used."),
    ]
    host.declare(further, in: settings)
    declareMarks(host)
    declareDigits(host, settings)
    host.parameter(
        withoutEffect: "aggressive_redetection", APUS_PARAM_INT, 1,
        "when all proxies of a set are disabled they are asked at once, always",
        doc: "Whether proxies are asked at once when all of a set are disabled: they are.")
}

private func declareDigits(_ host: Host, _ settings: UnsafeMutablePointer<Settings>) {
    let table: [Parameter<Settings>] = [
        .text(
            "dtmf_events_sock", \.digitSocket,
            doc:
                "IP address and port, udp:127.0.0.1:2224, to which the proxy reports keys that are pressed."
        ),
        .text(
            "dtmf_event_callid", \.digitCallID, doc: "Pseudo-variable that gets the Call-ID of a report."),
        .text(
            "dtmf_event_source_tag", \.digitSourceTag,
            doc: "Pseudo-variable that gets the tag of who pressed the key."),
        .text(
            "dtmf_event_timestamp", \.digitTimestamp,
            doc: "Pseudo-variable that gets the seconds since 1970."),
        .text(
            "dtmf_event", \.digitEvent,
            doc: "Pseudo-variable that gets the key: 0 to 9, 10 for *, 11 for #, 12 to 15."),
    ]
    host.declare(table, in: settings)
    state.pointee.digits.eventID = host.event(
        "dtmf-event",
        doc:
            "A key was pressed in a call; the variables of dtmf_event_… say which. On a made-up OPTIONS.")
    state.pointee.counters.digits = host.counter(
        "rtpengine", "dtmf_events", doc: "Keys that the proxy has reported.")
    state.pointee.counters.brokenDigits = host.counter(
        "rtpengine", "broken_dtmf_events", doc: "Datagrams to dtmf_events_sock that report no key.")
}
