import PluginKit

// Invariants: runs before workers start. The user pointer of a setter is the State.

/// Every parameter: its default, its range and what it means stand here and nowhere else.
enum ParameterTable {
    static var all: [Parameter<State>] { flags + events + line + time + rows + withoutEffect }

    private static let flagNumbers: ClosedRange<Int64> = -1...31

    /// What is reported.
    private static var flags: [Parameter<State>] {
        [
            .number(
                "log_flag", \.logFlag, -1, flagNumbers,
                doc: "Flag (setflag) of transactions that are accounted; -1: none is."),
            .number("acc_flag", \.logFlag, -1, flagNumbers, doc: "Older name of log_flag."),
            .number(
                "log_missed_flag", \.missedFlag, -1, flagNumbers,
                doc: "Flag of INVITEs whose failure is reported as a missed call; -1: none is."),
            .number(
                "failed_transaction_flag", \.failedFlag, -1, flagNumbers,
                doc: "Flag of accounted transactions whose negative final reply is reported, too; -1: none is."),
            .flag(
                "failed_transactions", \.failedTransactions, 0,
                doc: "1: negative final replies of all accounted transactions are reported."),
            .number(
                "db_flag", \.dbFlag, -1, flagNumbers,
                doc: "Flag of transactions that get a row in the database; -1: none does."),
            .number(
                "db_missed_flag", \.dbMissedFlag, -1, flagNumbers,
                doc: "Flag of INVITEs whose failure gets a row there as a missed call; -1: none does."),
            .checked("failed_filter", takeFilter, doc: "Status codes that are not reported, such as 404,407."),
        ]
    }

    private static var events: [Parameter<State>] {
        [
            .flag("early_media", \.earlyMedia, 0, doc: "1: a provisional reply with a body is reported."),
            .number(
                "report_ack", \.reportAck, -1, -1...1, doc: "1: the ACK to a 2xx is reported; -1: with #!SER only."),
            .flag(
                "report_cancels", \.reportCancels, 0, doc: "1: transactions of CANCEL are accounted as others are."),
            .flag(
                "detect_direction", \.detectDirection, 0,
                doc: "1: From and To change places when the request goes from the called side to the caller; needs rr."),
        ]
    }

    private static var line: [Parameter<State>] {
        [
            .number("log_level", \.level, 1, -5...3, doc: "Level of the lines, as the core parameter debug."),
            .checked("log_facility", takeFacility, doc: "Syslog facility of the lines; LOG_DAEMON unless set."),
            .checked(
                "acc_format", takeForm, doc: "Form of the lines: kamailio, or ser, which #!SER has unless set."),
            .checked(
                "log_fmt", takeLetters, doc: "Letters of the items of a line in ser's form; miocfs unless set."),
            .text(
                "log_extra", \.extraText,
                doc: "Further items of a line, name=$variable with semicolons between, evaluated on the request."),
            .text(
                "multi_leg_info", \.legText,
                doc: "AVPs whose values are the legs of a call, name=$avp(x) with semicolons between."),
            .text(
                "reason_from_hf", \.reasonHeader,
                doc: "Header of the reply from which the reason is taken; unset, or without it, the reason phrase."),
        ]
    }

    private static var time: [Parameter<State>] {
        [
            .number(
                "time_mode", \.timeMode, 0, 0...4,
                doc: "Besides the timestamp in seconds: 1 microseconds, 2 seconds with a fraction, 3 local time, 4 UTC."
            ),
            .text(
                "time_attr", \.timeAttribute, "time_attr", doc: "Name of the item that time_mode 2, 3 and 4 add."),
            .text("time_exten", \.timeExtension, "time_exten", doc: "Name of the item that time_mode 1 adds."),
            .text(
                "time_format", \.timeFormat, "%Y-%m-%d %H:%M:%S",
                doc: "Form of the time with time_mode 3 and 4, as strftime."),
        ]
    }

    private static var rows: [Parameter<State>] {
        [
            .text("db_url", \.database.url, doc: "The database; empty: no row is written."),
            .text(
                "db_table_acc", \.database.table, "acc",
                doc: "Table of transactions; it may hold pseudo-variables, as the next."),
            .text("db_table_missed_calls", \.database.missedTable, "missed_calls", doc: "Table of missed calls."),
            .text(
                "db_extra", \.database.extraText,
                doc: "Further columns of a row, column=$variable with semicolons between, evaluated on the request."),
            .flag("acc_extra_nullable", \.database.isNullable, 0, doc: "1: $null in db_extra is NULL, and not empty."),
            .text("acc_method_column", \.database.method, "method", doc: "Column of methods."),
            .text("acc_from_tag_column", \.database.fromTag, "from_tag", doc: "Column of From tags."),
            .text("acc_to_tag_column", \.database.toTag, "to_tag", doc: "Column of To tags."),
            .text("acc_callid_column", \.database.callID, "callid", doc: "Column of Call-IDs."),
            .text("acc_sip_code_column", \.database.code, "sip_code", doc: "Column of status codes."),
            .text("acc_sip_reason_column", \.database.reason, "sip_reason", doc: "Column of reasons."),
            .text("acc_time_column", \.database.time, "time", doc: "Column of times."),
            .text(
                "spool_file", \.database.spoolFile, "acc.spool",
                doc: "File for rows while the database takes none, from the working directory on; empty: they are lost."
            ),
            .flag(
                "db_localtime", \.database.isLocalTime, 0, doc: "1: the column of times has local time, and not UTC."),
            .flag("db_version_check", \.database.checksVersion, 1, doc: "0: the tables may be of any version."),
            .number(
                "db_insert_mode", \.database.insertMode, 0, 0...2,
                doc: "No effect: rows are always written beside the workers."),
        ]
    }

    private static var withoutEffect: [Parameter<State>] {
        let names: [StaticString] = ["acc_prepare_flag", "acc_prepare_always", "clone_msg", "acc_extra_size"]
        return names.map { name in
            Parameter { host, state, _ in
                host.parameter(
                    name, into: state.pointer(to: \.ignored)!,
                    doc: "No effect: every transaction can be accounted, and nothing is limited by it.")
            }
        }
    }
}

extension Parameter<State> {
    /// A text that `set` takes or refuses.
    fileprivate static func checked(_ name: StaticString, _ set: @escaping ParameterSetter, doc: StaticString) -> Self {
        Parameter { host, state, _ in host.parameter(name, flags: 0, user: state, doc: doc, set: set) }
    }
}

private let takeFilter: ParameterSetter = { host, value, user in
    let state = user.unsafelyUnwrapped.assumingMemoryBound(to: State.self)
    var rest = value.pointee.str
    state.pointee.failedFilter = StatusSet()
    while let piece = rest.next(0x2c) {
        guard let code = piece.trimmed.number, state.pointee.failedFilter.insert(code) else {
            host.log(.error, "\(piece.trimmed.string) is no negative status: 300 to 999, with commas between")
            return .false
        }
    }
    return .true
}

private let takeFacility: ParameterSetter = { host, value, user in
    let facility = host.pointee.log.pointee.facility(value.pointee.str)
    guard facility >= 0 else {
        host.log(.error, "\(value.pointee.str.string) is no syslog facility: LOG_LOCAL0 … LOG_LOCAL7, LOG_DAEMON …")
        return .false
    }
    user.unsafelyUnwrapped.assumingMemoryBound(to: State.self).pointee.facility = facility
    return .true
}

private let takeForm: ParameterSetter = { host, value, user in
    let form: State.Form
    switch value.pointee.str.string {
    case "kamailio": form = .kamailio
    case "ser": form = .ser
    default:
        host.log(.error, "acc_format is kamailio or ser, not \(value.pointee.str.string)")
        return .false
    }
    user.unsafelyUnwrapped.assumingMemoryBound(to: State.self).pointee.form = form
    return .true
}

private let takeLetters: ParameterSetter = { host, value, user in
    for byte in value.pointee.str.bytes where Letter(rawValue: UnicodeScalar(byte)) == nil {
        let known = Letter.allCases.map { String($0.rawValue) }.joined()
        host.log(.error, "“\(Character(UnicodeScalar(byte)))” stands for nothing: \(known) do")
        return .false
    }
    user.unsafelyUnwrapped.assumingMemoryBound(to: State.self).pointee.letters = value.pointee.str
    return .true
}

/// Puts the defaults of the dialect in force and compiles what holds variables; false with a logged reason.
func settle(_ host: Host, _ state: UnsafeMutablePointer<State>) -> Bool {
    let isSER = host.pointee.config.pointee.dialect(host) == UInt32(APUS_DIALECT_SER)
    if state.pointee.reportAck < 0 { state.pointee.reportAck = isSER ? 1 : 0 }
    if state.pointee.form == nil { state.pointee.form = isSER ? .ser : .kamailio }
    let format = permanentText(state.pointee.timeFormat.string + "\0")
    state.pointee.timeFormatText = format.s

    guard let extras = Extras(host, "log_extra", state.pointee.extraText),
        let legs = Extras(host, "multi_leg_info", state.pointee.legText, isLegs: true)
    else { return false }
    state.pointee.extras = extras
    state.pointee.legs = legs
    if !state.pointee.database.url.isEmpty {
        state.pointee.rows = state.pointee.database.open(host, state)
        guard state.pointee.rows != nil else { return false }
    } else if state.pointee.dbFlag >= 0 || state.pointee.dbMissedFlag >= 0 {
        host.log(.notice, "db_flag and db_missed_flag have no effect without db_url")
    }

    let vars = host.pointee.vars
    if state.pointee.isSER, state.pointee.letters.bytes.contains(where: { $0 | 0x20 == UInt8(ascii: "u") }) {
        state.pointee.digestUser = vars.pointee.compile(host, "$au")
        guard state.pointee.digestUser != nil else { return false }
    }
    if state.pointee.detectDirection != 0 {
        state.pointee.direction = vars.pointee.compile(host, "$rdir(id)")
        guard state.pointee.direction != nil else {
            host.log(.error, "detect_direction needs the module rr")
            return false
        }
    }
    return true
}
