import PluginKit

/// The commands that change a parameter at once.
func declareChanging(_ host: Host) {
    let texts: [StaticString] = ["cfg.sets", "cfg.set_now_string"]
    let numbers: [StaticString] = ["cfg.seti", "cfg.set_now_int"]
    host.command(
        "cfg.set", arguments: "group:string, name:string, value:value", reply: "none",
        doc: "Changes a parameter, from the next message on.", call: setNow)
    for name in numbers {
        host.command(
            name, arguments: "group:string, name:string, value:int", reply: "none",
            doc: "Changes a parameter that is a number, from the next message on.", call: setNow)
    }
    for name in texts {
        host.command(
            name, arguments: "group:string, name:string, value:string", reply: "none",
            doc: "Changes a parameter that is a text, from the next message on.", call: setNow)
    }
    host.command(
        "cfg.reset", arguments: "group:string", reply: "none",
        doc: "Gives the parameters of a group the values that they had when the server started."
    ) { command in
        let group = settings(command.host).filter { $0.group.equals(command.text(0)) }
        guard !group.isEmpty else { return command.fail(400, "Failed to get the group") }
        return change(command, group.map { apus_change(group: $0.group, name: $0.name, value: $0.initial) })
    }
}

private let setNow: @convention(c) (Command) -> CInt = { command in
    guard let change = change(command) else { return .false }
    return cfg_rpc.change(command, [change])
}

/// What the arguments group, name and value ask for; nil, and a fault, when the parameter is not there.
func change(_ command: Command) -> apus_change? {
    guard let one = setting(command), let args = command.pointee.args else {
        command.fail(400, "Failed to set the variable: there is none of that name")
        return nil
    }
    // An argument of kind int has no text.
    let isNumber = args[2].value & UInt32(APUS_INT) != 0 || args[2].str.isNull
    if one.isNumber, !isNumber {
        command.fail(400, "Failed to set the variable: it is a number")
        return nil
    }
    if !one.isNumber, args[2].str.isNull {
        command.fail(400, "Failed to set the variable: it is a text")
        return nil
    }
    let value = one.isNumber ? apus_value(args[2].num) : apus_value(args[2].str)
    return apus_change(group: one.group, name: one.name, value: value)
}

/// Makes the changes, all or none of them.
func change(_ command: Command, _ changes: [apus_change]) -> CInt {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { text in
        guard let start = text.baseAddress else { return .false }
        var complaint = apus_complaint(
            size: UInt32(MemoryLayout<apus_complaint>.size), offset: 0, text: start, capacity: text.count, len: 0)
        let result = command.host.pointee.config.pointee.change(
            command.host, changes, UInt32(changes.count), &complaint)
        if result > 0 { return .true }
        return command.fail(
            400, composed: "Failed to set the variable: \(apus_str(s: start, len: complaint.len).string)")
    }
}
