import PluginKit

/// `cfg.list`, `cfg.get`, `cfg.help`
func declareReading(_ host: Host) {
    host.command(
        "cfg.list", arguments: "group:string?", flags: APUS_RPC_READS, reply: "[string]",
        doc: "The parameters that may change while the server runs, of a group or all, as group: name."
    ) { command in
        command.array {
            for one in settings(command.host)
            where one.is_instance == 0 && (!command.has(0) || one.group.equals(command.text(0))) {
                command.add(text: "\(one.group.string): \(one.name.string)")
            }
        }
        return .true
    }
    host.command(
        "cfg.get", arguments: "group:string, name:string?", flags: APUS_RPC_READS, reply: "any",
        doc: "The value of a parameter, or those of a group; group[id] is an instance of it."
    ) { command in
        if command.has(1) {
            guard let one = setting(command) else { return command.fail(400, "Failed to get the variable") }
            command.add(one.value)
            return .true
        }
        let group = settings(ofGroup: command)
        guard !group.isEmpty else { return command.fail(400, "Failed to get the group") }
        command.map {
            for one in group { command.add(named: one.name.string, one.value) }
        }
        return .true
    }
    host.command(
        "cfg.help", arguments: "group:string, name:string", flags: APUS_RPC_READS, reply: "string",
        doc: "What a parameter means and which values it takes."
    ) { command in
        guard let one = setting(command) else {
            return command.fail(400, "Failed to get the variable description")
        }
        let kind = one.isNumber ? "integer" : "string"
        let range = one.isNumber && (one.min, one.max) != (0, 0) ? ", \(one.min) to \(one.max)" : ""
        command.add(text: "\(one.doc.string)\n(parameter type is \(kind)\(range))")
        return .true
    }
}

extension apus_setting {
    var isNumber: Bool { kind == UInt32(APUS_PARAM_INT) }
}

/// All parameters that may change, those of a group together; those of its instances behind them.
func settings(_ host: Host) -> [apus_setting] {
    var all: [apus_setting] = []
    while let one = apus_setting.filled({ host.pointee.config.pointee.setting(host, UInt32(all.count), $0) }) {
        all.append(one)
    }
    return all
}

/// Those of the group, or of the instance of one, that the first argument names.
func settings(ofGroup command: Command) -> [apus_setting] {
    let group = Group(command.text(0))
    return settings(command.host).filter { group.has($0) }
}

/// The one that the first two arguments name.
func setting(_ command: Command) -> apus_setting? {
    settings(ofGroup: command).first { $0.name.equals(command.text(1)) }
}

extension UnsafePointer<apus_command> {
    fileprivate func add(_ value: apus_value) {
        if value.isText { add(nil, value.str) } else { add(nil, value.num) }
    }

    func add(named key: String, _ value: apus_value) {
        if value.isText { add(named: key, text: value.str.string) } else { add(named: key, value.num) }
    }
}
