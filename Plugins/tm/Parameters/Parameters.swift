import PluginKit

// Invariants: `Written` and everything in it is made in `declare` and lives for ever; it is changed on the main thread only, before the workers
// start.

/// What the config said where a default or a unit depends on more than the parameter itself.
struct Written {
    var durations: [UnsafeMutablePointer<Duration>] = []
    var noisyCtimer = Choice()
    var failureReplyMode = Choice()
    var frTimerAVP = apus_str()
    var frInvTimerAVP = apus_str()

    /// A number that has another default in SER's configs.
    struct Choice {
        var value: Int64 = 0
        var isGiven = false
    }

    func duration(_ name: String) -> UnsafeMutablePointer<Duration>? {
        durations.first { $0.pointee.name.description == name }
    }
}

/// Of this module; set in `declare`.
nonisolated(unsafe) let written = permanent(Written())

/// Declares all parameters.
func declareParameters(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    let settings = state.pointer(to: \.settings)!
    let tables = [
        ParameterTable.times, ParameterTable.choices, ParameterTable.request, ParameterTable.cancel,
        ParameterTable.matching, ParameterTable.reply, ParameterTable.failover,
    ]
    for table in tables { host.declare(table, in: settings, changed: takeChange) }
    host.parameter(
        "fr_timer_avp", into: written.pointer(to: \.frTimerAVP)!,
        doc: "AVP whose value, seconds, is a transaction's fr_timer: a name, \"s:name\", \"i:7\" or \"$avp(name)\".")
    host.parameter(
        "fr_inv_timer_avp", into: written.pointer(to: \.frInvTimerAVP)!, doc: "The same for fr_inv_timer.")
    declareAppendSets(host, settings)
    declareWithoutEffect(host)
}

/// [worker] A parameter has changed: the worker's own copy of the settings does.
private let takeChange: ParameterChange = { _, place, value, _ in
    guard let state = State.shared, let home = state.home else { return }
    let copy = UnsafeMutableRawPointer(home.settings) + (place - UnsafeRawPointer(state.pointer(to: \.settings)!))
    if value.pointee.isText {
        copy.storeBytes(of: value.pointee.str, as: apus_str.self)
    } else {
        copy.storeBytes(of: value.pointee.num, as: Int64.self)
    }
}

/// [start] Turns what was written into milliseconds and compiled variables. False, with what is wrong in the log, when it cannot.
func settleParameters(_ host: Host, _ state: UnsafeMutablePointer<State>) -> Bool {
    let settings = state.pointer(to: \.settings)!
    let dialect = host.pointee.config.pointee.dialect(host)
    let isSER = dialect == UInt32(APUS_DIALECT_SER)
    settleTimes(host, settings, dialect)
    guard settleSchedule(host, settings, isSER), checkIntervals(host, settings) else { return false }
    let noisy = written.pointee.noisyCtimer
    settings.pointee.noisyCtimer = noisy.isGiven ? noisy.value : isSER ? 0 : 1
    let mode = written.pointee.failureReplyMode
    settings.pointee.failureReplyMode = mode.isGiven ? mode.value : isSER ? 0 : 3
    if isSER, written.pointee.duration("unix_tx_timeout")?.pointee.isGiven == false {
        settings.pointee.unixTxTimeout = 2000
    }
    guard let codes = FailoverCodes(settings.pointee.failoverReplyCodes) else {
        host.log(.error, "failover_reply_codes: not a list of code=N and class=N with semicolons between them")
        return false
    }
    settings.pointee.failoverCodes = codes
    var fr = written.pointee.frTimerAVP
    var frInvite = written.pointee.frInvTimerAVP
    if isSER, fr.isEmpty { fr = "callee_fr_timer" }
    if isSER, frInvite.isEmpty { frInvite = "callee_fr_inv_timer" }
    settings.pointee.showsReplies = host.core("onsend_route_reply").isOn
    if host.core("server_signature").isOn { settings.pointee.userAgent = host.core("user_agent_header").str }
    let most = host.core("max_transactions").num
    if most > 0 {
        settings.pointee.mostTransactions = max(1, Int(most) / Int(host.pointee.worker.pointee.count(host)))
    }
    if host.core("loop_checks").isOn { settings.pointee.loopChecks = 1 }
    return settleAppendSets(host, settings) && settleContacts(host, settings) && settleBlockList(host, state)
        && compile(host, fr, into: settings.pointer(to: \.frTimerAVP)!)
        && compile(host, frInvite, into: settings.pointer(to: \.frInvTimerAVP)!)
        && compile(host, "$bf", into: settings.pointer(to: \.branchFlags)!)
}

/// Each time in milliseconds.
private func settleTimes(_ host: Host, _ settings: UnsafeMutablePointer<Settings>, _ dialect: UInt32) {
    var inForce: [String] = []
    for duration in written.pointee.durations where duration.pointee.isGiven {
        let name = duration.pointee.name.description
        let milliseconds = duration.pointee.reading(in: dialect).milliseconds
        duration.pointee.place.pointee = milliseconds
        inForce.append("\(name) \(text(milliseconds))")
    }
    if !inForce.isEmpty { host.log(.info, "timers: \(inForce.joined(separator: ", "))") }
}

private func text(_ milliseconds: Int64) -> String {
    milliseconds % 1000 == 0 ? "\(milliseconds / 1000) s" : "\(milliseconds) ms"
}

/// SER's fixed intervals or the doubling ones: never both.
private func settleSchedule(_ host: Host, _ settings: UnsafeMutablePointer<Settings>, _ isSER: Bool) -> Bool {
    let names = ["retr_timer1p1", "retr_timer1p2", "retr_timer1p3"]
    let given = names.filter { written.pointee.duration($0)?.pointee.isGiven == true }
    let isDoubling = written.pointee.duration("retr_timer1")?.pointee.isGiven == true
    if isDoubling, let first = given.first {
        host.log(.error, "retr_timer1 and \(first) are set: two schedules of retransmission; remove one of them")
        return false
    }
    guard !given.isEmpty || (isSER && !isDoubling) else {
        settings.pointee.retrTimer1p1 = 0
        return true
    }
    if settings.pointee.retrTimer1p1 == 0 { settings.pointee.retrTimer1p1 = 1000 }
    settings.pointee.retrTimer1 = settings.pointee.retrTimer1p1
    if settings.pointee.retrTimer1p2 == 0 { settings.pointee.retrTimer1p2 = 2 * settings.pointee.retrTimer1p1 }
    if settings.pointee.retrTimer1p3 == 0 { settings.pointee.retrTimer1p3 = 4 * settings.pointee.retrTimer1p1 }
    return true
}

/// Messages are not repeated without a pause worth the name.
private func checkIntervals(_ host: Host, _ settings: UnsafeMutablePointer<Settings>) -> Bool {
    var intervals = [("retr_timer1", settings.pointee.retrTimer1), ("retr_timer2", settings.pointee.retrTimer2)]
    if settings.pointee.retrTimer1p2 > 0 {
        intervals.append(("retr_timer1p2", settings.pointee.retrTimer1p2))
        intervals.append(("retr_timer1p3", settings.pointee.retrTimer1p3))
    }
    let shortest = Settings.shortestRetransmission
    guard let (name, interval) = intervals.first(where: { $0.1 < shortest }) else { return true }
    host.log(.error, "\(name) is \(interval) ms: messages are not repeated faster than every \(shortest) ms")
    return false
}

/// An AVP by any of its spellings.
func compile(_ host: Host, _ name: apus_str, into place: UnsafeMutablePointer<OpaquePointer?>) -> Bool {
    guard !name.isEmpty else { return true }
    let text = name.string
    let spelled = text.hasPrefix("$") ? text : Int(text) != nil ? "$avp(i:\(text))" : "$avp(\(text))"
    var bytes = spelled
    place.pointee = bytes.withUTF8 {
        host.pointee.vars.pointee.compile(host, apus_str(start: $0.baseAddress, count: $0.count))
    }
    return place.pointee != nil
}
