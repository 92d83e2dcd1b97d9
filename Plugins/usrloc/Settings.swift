import Locations
import PluginKit
import RoutingKit

/// The parameters.
struct Settings {
    var url = apus_str()
    var mode: Int64 = 0
    var loads: Int64 = 1
    var fetchRows: Int64 = 2000
    var checksVersion: Int64 = 1
    var timerInterval: Int64 = 60
    var usesDomain: Int64 = 0
    var matchingMode: Int64 = 0
    var cseqDelay: Int64 = 20
    var ordersByTime: Int64 = 0
    var hashSize: Int64 = 10
    var natFlag: Int64 = -1
    var serverFilter: Int64 = 0
    var handlesLostTCP: Int64 = 0
    var closesExpiredTCP: Int64 = 0
    var cleansTCP: Int64 = 0
    var skipsRemote: Int64 = 0
    var keepalive = KeepAliveSettings()
    var expiresType: Int64 = 0
    var keepsExpired: Int64 = 0
    var xavp = apus_str()
    var columns = ColumnNames()

    /// Where the contacts are.
    enum Mode: Int64 {
        case memory = 0
        case writeThrough = 1
        case writeBack = 2
        case database = 3
        case readOnly = 4
    }

    var place: Mode { Mode(rawValue: mode) ?? .memory }
}

/// Names of a table's columns.
struct ColumnNames {
    var ruid = apus_str()
    var user = apus_str()
    var domain = apus_str()
    var contact = apus_str()
    var received = apus_str()
    var path = apus_str()
    var expires = apus_str()
    var q = apus_str()
    var callId = apus_str()
    var cseq = apus_str()
    var flags = apus_str()
    var cflags = apus_str()
    var userAgent = apus_str()
    var socket = apus_str()
    var methods = apus_str()
    var instance = apus_str()
    var regId = apus_str()
    var serverId = apus_str()
    var connectionId = apus_str()
    var keepalive = apus_str()
    var partition = apus_str()
}

func declareParameters(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    let parameters: [Parameter<Settings>] = [
        .text("db_url", \.url, doc: "The database; empty: the default one of the only driver."),
        .number(
            "db_mode", \.mode, 0, 0...4,
            doc:
                "0 memory only; 1 rows are written at once; 2 every timer_interval; 3 database only; 4 read at the start."
        ),
        .flag("db_load", \.loads, 1, doc: "0: rows are not loaded at the start."),
        .number("fetch_rows", \.fetchRows, 2000, 1...1_000_000, doc: "Rows that are loaded at a time."),
        .flag("version_table", \.checksVersion, 1, doc: "1: the version of the tables is checked at the start."),
        .number("timer_interval", \.timerInterval, 60, 1...86400, doc: "Seconds between two writings of rows."),
        .flag("use_domain", \.usesDomain, 0, doc: "1: addresses of record have a domain."),
        .number(
            "matching_mode", \.matchingMode, 0, 0...3,
            doc: "A binding is known by its contact (0), and its Call-ID (1), and its path (2), or by its Call-ID (3)."),
        .number(
            "cseq_delay", \.cseqDelay, 20, 0...86400,
            doc: "Seconds in which the same Call-ID and CSeq are a retransmission."),
        .flag("desc_time_order", \.ordersByTime, 0, doc: "1: contacts stand newest first, not by q."),
        .number("hash_size", \.hashSize, 10, 0...24, doc: "Buckets of a table at first, as a power of 2: it grows."),
        .number("nat_bflag", \.natFlag, -1, -1...31, doc: "The branch flag of contacts behind NAT; -1: none."),
        .flag("server_id_filter", \.serverFilter, 0, doc: "1: rows of other servers (server_id) are not loaded."),
        .flag("expires_type", \.expiresType, 0, doc: "1: the columns of times are big integers, seconds since 1970."),
        .number(
            "rm_expired_delay", \.keepsExpired, 0, 0...86400,
            doc: "Seconds for which expired contacts are kept, without being found."),
        .flag(
            "handle_lost_tcp", \.handlesLostTCP, 0,
            doc: "1: contacts that came over a connection are over when it ends."),
        .flag(
            "close_expired_tcp", \.closesExpiredTCP, 0, doc: "1: the connection of a contact that is over is closed."),
        .flag(
            "db_clean_tcp", \.cleansTCP, 0,
            doc: "1: contacts that came over connections are deleted at the start, not loaded."),
        .flag(
            "skip_remote_socket", \.skipsRemote, 0, doc: "1: contacts of sockets of other servers are not loaded."),
        .text("xavp_contact", \.xavp, doc: "Name of an XAVP that is kept with contacts."),
    ]
    host.declare(parameters, in: state.pointer(to: \.settings).unsafelyUnwrapped)
    declareColumns(host, state)
    declareWithoutEffect(host)
    host.parameter("preload", doc: "A table that exists even if no function names it.") { _, value, _ in
        State.shared?.pointee.preloads.append(value.pointee.str)
        return .true
    }
}

private func declareColumns(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    let columns: [Parameter<ColumnNames>] = [
        .text("ruid_column", \.ruid, "ruid", doc: "Column of contacts' names."),
        .text("user_column", \.user, "username", doc: "Column of users."),
        .text("username_column", \.user, "username", doc: "The same as user_column."),
        .text("domain_column", \.domain, "domain", doc: "Column of domains."),
        .text("contact_column", \.contact, "contact", doc: "Column of contacts' URIs."),
        .text("received_column", \.received, "received", doc: "Column of where REGISTERs came from."),
        .text("path_column", \.path, "path", doc: "Column of Path values."),
        .text("expires_column", \.expires, "expires", doc: "Column of when contacts are over."),
        .text("q_column", \.q, "q", doc: "Column of q."),
        .text("callid_column", \.callId, "callid", doc: "Column of Call-IDs."),
        .text("cseq_column", \.cseq, "cseq", doc: "Column of CSeq numbers."),
        .text("flags_column", \.flags, "flags", doc: "Column of flags."),
        .text("cflags_column", \.cflags, "cflags", doc: "Column of branch flags."),
        .text("user_agent_column", \.userAgent, "user_agent", doc: "Column of User-Agents."),
        .text("socket_column", \.socket, "socket", doc: "Column of sockets."),
        .text("methods_column", \.methods, "methods", doc: "Column of methods."),
        .text("instance_column", \.instance, "instance", doc: "Column of instances."),
        .text("regid_column", \.regId, "reg_id", doc: "Column of reg-ids."),
        .text("reg_id_column", \.regId, "reg_id", doc: "The same as regid_column."),
        .text("server_id_column", \.serverId, "server_id", doc: "Column of servers' numbers."),
        .text("connection_id_column", \.connectionId, "connection_id", doc: "Column of connections."),
        .text("keepalive_column", \.keepalive, "keepalive", doc: "Column of whether contacts are pinged."),
        .text("partition_column", \.partition, "partition", doc: "Column of parts."),
    ]
    let settings = state.pointer(to: \.settings).unsafelyUnwrapped
    host.declare(columns, in: settings.pointer(to: \.columns).unsafelyUnwrapped)
}

private func declareWithoutEffect(_ host: Host) {
    let process = "there are no processes of the module's own"
    let row = "a row is written by its ruid, whether it is there or not"
    let fixed: [(StaticString, Int64?, String)] = [
        ("timer_procs", 0, process), ("load_rank", 0, process),
        ("db_insert_update", 1, row), ("db_update_as_insert", 0, row), ("db_check_update", 1, row),
        ("db_ops_ruid", 1, row),
        ("db_raw_fetch_type", 0, "rows are fetched fetch_rows at a time from every database"),
        ("db_insert_null", 1, "what a contact does not have is NULL"),
        ("db_timer_clean", 0, "rows of expired contacts are deleted in any case"),
        ("ka_randomize", nil, "pings are spread over the interval in any case"),
        ("ka_reply_codes", nil, "every answer but 408 and 430 counts"),
    ]
    for (name, value, notice) in fixed {
        host.parameter(withoutEffect: name, APUS_PARAM_EITHER, value, notice, doc: "Accepted without effect.")
    }
}
