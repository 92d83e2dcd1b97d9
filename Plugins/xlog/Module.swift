import PluginKit

private nonisolated(unsafe) let state = permanent(State())

private let module = Module(
    "xlog", version: "1.0", summary: "Log lines with pseudo-variables",
    start: { host in state.pointee.prepare(host) ? .true : .false },
    declare: { host in
        declareParameters(host)
        declareFunctions(host)
    })

@c(apus_module_xlog)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }

private func declareParameters(_ host: Host) {
    state.pointee.changedFilter = host.slot(APUS_SLOT_WORKER)
    host.parameter(
        "buf_size", into: state.pointer(to: \.longest)!, initial: "4096", range: 64...65536,
        doc: "Longest text of a line in bytes; what is longer is cut and ends in an ellipsis.")
    host.parameter(
        "prefix", into: state.pointer(to: \.prefix)!, initial: "<script>: ", doc: "Stands in front of every line.")
    host.parameter(
        "prefix_mode", into: state.pointer(to: \.prefixMode)!, initial: "0", range: 0...1,
        doc: "1: pseudo-variables in the prefix are expanded for each line.")
    host.parameter(
        "long_format", into: state.pointer(to: \.longFormat)!, initial: "0", range: 0...1,
        doc: "1: xlogl and xdbgl write file and line, not the line alone.")
    host.parameter(
        "log_facility", kind: APUS_PARAM_STRING, flags: 0, doc: "Syslog facility of the lines; unset: the core's."
    ) { host, value, _ in
        let facility = host.pointee.log.pointee.facility(value.pointee.str)
        guard facility >= 0 else {
            host.log(.error, "\(value.pointee.str.string) is no syslog facility: LOG_LOCAL0 … LOG_LOCAL7, LOG_DAEMON …")
            return .false
        }
        state.pointee.facility = facility
        return .true
    }
    host.parameter(
        "force_color", into: state.pointer(to: \.forceColour)!, initial: "0", range: 0...1,
        doc: "1: colours are shown wherever the log goes; 0: on standard error only.")
    host.parameter(
        "log_colors", doc: "Colours of the lines of a level, foreground and background: L_ERR=rx."
    ) { host, value, _ in setColours(host, value.pointee.str, state) }
    host.variable("C", inner: "*", doc: "Changes the colours of what follows in a log line.", get: colourChange)
    host.parameter(
        "auto_newline", into: state.pointer(to: \.autoNewline)!, initial: "0", range: 0...1,
        doc: "Accepted: a line end that is missing is added in any case.")
    host.parameter(
        "methods_filter", into: state.pointer(to: \.methodsFilter)!, initial: "-1",
        range: -1...32767, doc: "Methods, as a sum of bits, for which xlogm writes nothing; -1: all."
    ) { host, _, value, _ in
        // A worker's own copy.
        host.pointee.slots.pointee.set_worker(
            host, state.pointee.changedFilter, UnsafeMutableRawPointer(bitPattern: Int(value.pointee.num) + 2))
    }
}

private func declareFunctions(_ host: Host) {
    host.function("xlog", "text:template", doc: "Writes the text at level L_ERR.", user: state, call: write)
    host.function(
        "xlog", "level:value, text:template", doc: "Writes the text at that level.", user: state,
        prepare: prepareLevel, call: writeAtLevel)
    host.function(
        "xlog", "facility:string, level:value, text:template",
        doc: "Writes the text to that syslog facility at that level.", user: state,
        prepare: prepareFacilityAndLevel, call: writeToFacility)

    let fixed: [(StaticString, CInt, StaticString)] = [
        ("xalert", -5, "Writes the text at level L_ALERT."), ("xbug", -4, "Writes the text at level L_BUG."),
        ("xcrit", -2, "Writes the text at level L_CRIT."), ("xerr", -1, "Writes the text at level L_ERR."),
        ("xwarn", 0, "Writes the text at level L_WARN."), ("xnotice", 1, "Writes the text at level L_NOTICE."),
        ("xinfo", 2, "Writes the text at level L_INFO."), ("xdbg", 3, "Writes the text at level L_DBG."),
    ]
    for (name, level, doc) in fixed {
        let line = permanent(FixedLevel(state: state, level: level))
        host.function(name, "text:template", doc: doc, user: line, call: writeAtFixedLevel)
    }

    host.function(
        "xlogl", "text:template", doc: "Writes the script's line number and the text at level L_ERR.", user: state,
        call: writeWithLine)
    host.function(
        "xlogl", "level:value, text:template", doc: "Writes the script's line number and the text at that level.",
        user: state, prepare: prepareLevel, call: writeAtLevelWithLine)
    host.function(
        "xlogl", "facility:string, level:value, text:template",
        doc: "Writes the script's line number and the text to that syslog facility at that level.", user: state,
        prepare: prepareFacilityAndLevel, call: writeToFacilityWithLine)
    host.function(
        "xdbgl", "text:template", doc: "Writes the script's line number and the text at level L_DBG.", user: state,
        call: writeDebugWithLine)
    host.function(
        "xlogm", "level:value, text:template",
        doc: "Writes the text at that level, unless methods_filter names the message's method.", user: state,
        prepare: prepareLevel, call: writeUnlessFiltered)
}
