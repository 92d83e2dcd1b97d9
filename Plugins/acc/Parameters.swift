import PluginKit

// Invariants: runs before workers start. The user pointer of a setter is the State.

func declareParameters(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    state.pointee.facility = host.pointee.log.pointee.facility("LOG_DAEMON")
    declareFlags(host, state)
    declareEvents(host, state)
    declareLine(host, state)
    declareTime(host, state)
    let ignored: [StaticString] = ["acc_prepare_flag", "acc_prepare_always", "clone_msg", "acc_extra_size"]
    for name in ignored {
        host.parameter(
            name, into: state.pointer(to: \.ignored)!,
            doc: "No effect: every transaction can be accounted, and nothing is limited by it.")
    }
}

private func declareFlags(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    let flags: ClosedRange<Int64> = -1...31
    host.parameter(
        "log_flag", into: state.pointer(to: \.logFlag)!, initial: "-1", range: flags,
        doc: "Flag (setflag) of transactions that are accounted; -1: none is.")
    host.parameter(
        "acc_flag", into: state.pointer(to: \.logFlag)!, initial: "-1", range: flags, doc: "Older name of log_flag.")
    host.parameter(
        "log_missed_flag", into: state.pointer(to: \.missedFlag)!, initial: "-1", range: flags,
        doc: "Flag of INVITEs whose failure is reported as a missed call; -1: none is.")
    host.parameter(
        "failed_transaction_flag", into: state.pointer(to: \.failedFlag)!, initial: "-1", range: flags,
        doc: "Flag of accounted transactions whose negative final reply is reported, too; -1: none is.")
    host.parameter(
        "failed_transactions", into: state.pointer(to: \.failedTransactions)!, initial: "0", range: 0...1,
        doc: "1: negative final replies of all accounted transactions are reported.")
    host.parameter(
        "failed_filter", flags: 0, user: state, doc: "Status codes that are not reported, such as 404,407."
    ) { host, value, user in
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
}

private func declareEvents(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    host.parameter(
        "early_media", into: state.pointer(to: \.earlyMedia)!, initial: "0", range: 0...1,
        doc: "1: a provisional reply with a body is reported.")
    host.parameter(
        "report_ack", into: state.pointer(to: \.reportAck)!, initial: "-1", range: -1...1,
        doc: "1: the ACK to a 2xx is reported; -1: with #!SER only.")
    host.parameter(
        "report_cancels", into: state.pointer(to: \.reportCancels)!, initial: "0", range: 0...1,
        doc: "1: transactions of CANCEL are accounted as others are.")
    host.parameter(
        "detect_direction", into: state.pointer(to: \.detectDirection)!, initial: "0", range: 0...1,
        doc: "1: From and To change places when the request goes from the called side to the caller; needs rr.")
}

private func declareLine(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    host.parameter(
        "log_level", into: state.pointer(to: \.level)!, initial: "1", range: -5...3,
        doc: "Level of the lines, as the core parameter debug.")
    host.parameter(
        "log_facility", flags: 0, user: state, doc: "Syslog facility of the lines; LOG_DAEMON unless set."
    ) { host, value, user in
        let facility = host.pointee.log.pointee.facility(value.pointee.str)
        guard facility >= 0 else {
            host.log(.error, "\(value.pointee.str.string) is no syslog facility: LOG_LOCAL0 … LOG_LOCAL7, LOG_DAEMON …")
            return .false
        }
        user.unsafelyUnwrapped.assumingMemoryBound(to: State.self).pointee.facility = facility
        return .true
    }
    host.parameter(
        "acc_format", flags: 0, user: state, doc: "Form of the lines: kamailio, or ser, which #!SER has unless set."
    ) { host, value, user in
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
    host.parameter(
        "log_fmt", flags: 0, user: state, doc: "Letters of the items of a line in ser's form; miocfs unless set."
    ) { host, value, user in
        for byte in value.pointee.str.bytes where !Letters.knows(byte) {
            host.log(.error, "“\(Character(UnicodeScalar(byte)))” stands for nothing: miocftrdsSuUFT01XDpn do")
            return .false
        }
        user.unsafelyUnwrapped.assumingMemoryBound(to: State.self).pointee.letters = value.pointee.str
        return .true
    }
    host.parameter(
        "log_extra", into: state.pointer(to: \.extraText)!,
        doc: "Further items of a line, name=$variable with semicolons between, evaluated on the request.")
    host.parameter(
        "multi_leg_info", into: state.pointer(to: \.legText)!,
        doc: "AVPs whose values are the legs of a call, name=$avp(x) with semicolons between.")
    host.parameter(
        "reason_from_hf", into: state.pointer(to: \.reasonHeader)!,
        doc: "Header of the reply from which the reason is taken; unset, or without it, the reason phrase.")
}

private func declareTime(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    host.parameter(
        "time_mode", into: state.pointer(to: \.timeMode)!, initial: "0", range: 0...4,
        doc: "Besides the timestamp in seconds: 1 microseconds, 2 seconds with a fraction, 3 local time, 4 UTC.")
    host.parameter(
        "time_attr", into: state.pointer(to: \.timeAttribute)!, initial: "time_attr",
        doc: "Name of the item that time_mode 2, 3 and 4 add.")
    host.parameter(
        "time_exten", into: state.pointer(to: \.timeExtension)!, initial: "time_exten",
        doc: "Name of the item that time_mode 1 adds.")
    host.parameter(
        "time_format", into: state.pointer(to: \.timeFormat)!, initial: "%Y-%m-%d %H:%M:%S",
        doc: "Form of the time with time_mode 3 and 4, as strftime.")
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
