import PluginKit

// Invariants: `delayed` is used on the management thread only.

/// A change that waits for `cfg.commit`.
private struct Delayed {
    let group: apus_str
    let name: apus_str
    /// nil: `text` holds it.
    let number: Int64?
    let text: String
}

private nonisolated(unsafe) let delayed = permanent([Delayed]())

/// The commands that collect changes, and then make all of them at once.
func declareDelaying(_ host: Host) {
    let forms: [(StaticString, StaticString)] = [
        ("cfg.set_delayed", "group:string, name:string, value:value"),
        ("cfg.set_delayed_int", "group:string, name:string, value:int"),
        ("cfg.set_delayed_string", "group:string, name:string, value:string"),
    ]
    for (name, arguments) in forms {
        host.command(
            name, arguments: arguments, reply: "none", doc: "Notes a change of a parameter for cfg.commit.", call: note)
    }
    host.command(
        "cfg.del_delayed", arguments: "group:string, name:string", reply: "none",
        doc: "Forgets a change that cfg.commit was to make."
    ) { command in
        let before = delayed.pointee.count
        delayed.pointee.removeAll { $0.group.equals(command.text(0)) && $0.name.equals(command.text(1)) }
        return delayed.pointee.count < before ? .true : command.fail(400, "Failed to delete: no change was noted")
    }
    host.command(
        "cfg.commit", reply: "none", doc: "Makes the changes that were noted, all of them between two messages."
    ) { command in
        let noted = delayed.pointee
        let result = commit(command, noted[...], [])
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
            for change in delayed.pointee {
                let known = all.first { $0.group.equals(change.group) && $0.name.equals(change.name) }
                command.map {
                    command.add("group name", change.group)
                    command.add("variable name", change.name)
                    if let known { command.add(named: "old value", known.value) }
                    if let number = change.number {
                        command.add("new value", number)
                    } else {
                        command.add("new value", text: change.text)
                    }
                }
            }
        }
        return .true
    }
}

private let note: @convention(c) (Command) -> CInt = { command in
    guard let wanted = change(command) else { return .false }
    delayed.pointee.removeAll { $0.group.equals(wanted.group) && $0.name.equals(wanted.name) }
    delayed.pointee.append(
        Delayed(
            group: wanted.group, name: wanted.name, number: wanted.value.isText ? nil : wanted.value.num,
            text: wanted.value.str.string))
    return .true
}

/// Makes the changes; each text has to stay where it is meanwhile, so they are gone through one inside the other.
private func commit(_ command: Command, _ rest: ArraySlice<Delayed>, _ done: [apus_change]) -> CInt {
    guard let first = rest.first else { return done.isEmpty ? .true : change(command, done) }
    var text = first.text
    return text.withUTF8 { utf8 in
        let value =
            first.number.map { apus_value($0) } ?? apus_value(apus_str(start: utf8.baseAddress, count: utf8.count))
        return commit(
            command, rest.dropFirst(), done + [apus_change(group: first.group, name: first.name, value: value)])
    }
}
