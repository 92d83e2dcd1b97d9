import PluginKit

// Invariants: `delayed` is used on the management thread only.

/// Changes that wait for `cfg.commit`.
private nonisolated(unsafe) let delayed = permanent([Noted]())

/// The commands that collect changes, and then make all of them at once.
func declareDelaying(_ host: Host) {
    let forms: [(StaticString, StaticString)] = [
        ("cfg.set_delayed", "group:string, name:string, value:value"),
        ("cfg.set_delayed_int", "group:string, name:string, value:int"),
        ("cfg.set_delayed_string", "group:string, name:string, value:string"),
    ]
    for (name, arguments) in forms {
        host.command(
            name, arguments: arguments, reply: "none", doc: "Notes a change of a parameter for cfg.commit."
        ) { command in
            guard let wanted = wantedChange(command) else { return .false }
            note(wanted)
            return .true
        }
    }
    host.command(
        "cfg.del_delayed", arguments: "group:string, name:string", reply: "none",
        doc: "Notes for cfg.commit that an instance of a group, group[id], is to have the group's value again."
    ) { command in
        guard let one = instanceSetting(command) else { return .false }
        note(Noted(one, nil))
        return .true
    }
    host.command(
        "cfg.commit", reply: "none", doc: "Makes the changes that were noted, all of them between two messages."
    ) { command in
        let result = change(command, delayed.pointee)
        // A change that is refused stays, to be looked at or forgotten.
        if result > 0 { delayed.pointee = [] }
        return result
    }
    host.command("cfg.rollback", reply: "none", doc: "Forgets the changes that were noted.") { _ in
        delayed.pointee = []
        return .true
    }
    host.command(
        "cfg.diff", flags: APUS_RPC_READS, reply: "[{*:value}]",
        doc: "The changes that were noted, with the values of now and after cfg.commit."
    ) { command in
        let all = settings(command.host)
        command.array {
            for change in delayed.pointee { command.map { show(change, all, command) } }
        }
        return .true
    }
}

/// The last one of a parameter counts.
private func note(_ change: Noted) {
    delayed.pointee.removeAll { $0.group == change.group && $0.name == change.name }
    delayed.pointee.append(change)
}

private func show(_ change: Noted, _ all: [apus_setting], _ command: Command) {
    let known = all.first { $0.groupText == change.group && $0.name.string == change.name }
    command.add("group name", text: known?.group.string ?? change.group)
    if let known, known.is_instance != 0 { command.add("group id", known.id) }
    command.add("variable name", text: change.name)
    if let known { command.add(named: "old value", known.value) }
    if let number = change.number {
        command.add("new value", number)
    } else if let text = change.text {
        command.add("new value", text: text)
    } else if let group = all.first(where: {
        $0.is_instance == 0 && $0.name.string == change.name && $0.group.string == known?.group.string
    }) {
        command.add(named: "new value", group.value)
    }
}
