import DoorKit
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
        doc:
            "Gives the parameters of a group, or of its instance group[id], the values that they had when the server started."
    ) { command in
        let group = settings(ofGroup: command)
        guard !group.isEmpty else { return command.fail(400, "Failed to get the group") }
        // What cannot change is what it was.
        return change(command, group.filter { !$0.isAsAtStart }.map { Noted($0, $0.initial) })
    }
}

private let setNow: @convention(c) (Command) -> CInt = { command in
    guard let change = wantedChange(command) else { return .false }
    return cfg_rpc.change(command, [change])
}

/// A change that is to be made.
struct Noted {
    /// `group`, or `group[id]`.
    let group: String
    let name: String
    /// Nil for both: the instance has its group's value again.
    let number: Int64?
    let text: String?

    /// - Parameter value: nil or null: nothing of its own any more.
    init(_ setting: apus_setting, _ value: apus_value?) {
        group = setting.groupText
        name = setting.name.string
        number = value.flatMap { $0.isInt ? $0.num : nil }
        text = value.flatMap { $0.isText ? $0.str.string : nil }
    }
}

extension apus_setting {
    fileprivate var isAsAtStart: Bool {
        if is_instance != 0, is_own == 0 { return !initial.isInt && !initial.isText }
        if is_instance != 0, !initial.isInt, !initial.isText { return false }
        return isNumber ? value.num == initial.num : value.str.string == initial.str.string
    }
}

/// What the arguments group, name and value ask for; nil, and a fault, when the parameter is not there.
func wantedChange(_ command: Command) -> Noted? {
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
    return Noted(one, one.isNumber ? apus_value(args[2].num) : apus_value(args[2].str))
}

/// Makes the changes, all or none of them.
func change(_ command: Command, _ changes: [Noted]) -> CInt { change(command, changes[...], []) }

/// Each text has to stay where it is meanwhile, so they are gone through one inside the other.
private func change(_ command: Command, _ rest: ArraySlice<Noted>, _ done: [apus_change]) -> CInt {
    guard let first = rest.first else { return done.isEmpty ? .true : make(command, done) }
    return first.group.withStr { group in
        first.name.withStr { name in
            (first.text ?? "").withStr { text in
                let value = first.number.map { apus_value($0) } ?? (first.text == nil ? apus_value() : apus_value(text))
                return change(
                    command, rest.dropFirst(), done + [apus_change(group: group, name: name, value: value)])
            }
        }
    }
}

private func make(_ command: Command, _ changes: [apus_change]) -> CInt {
    complaining(command, "Failed to set the variable") { why in
        command.host.pointee.config.pointee.change(command.host, changes, UInt32(changes.count), why)
    }
}

/// Does what may be refused with a reason, and answers with that.
func complaining(
    _ command: Command, _ what: String, _ body: (UnsafeMutablePointer<apus_complaint>) -> CInt
) -> CInt {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { text in
        guard let start = text.baseAddress else { return .false }
        var complaint = apus_complaint(
            size: UInt32(MemoryLayout<apus_complaint>.size), offset: 0, text: start, capacity: text.count, len: 0)
        if body(&complaint) > 0 { return .true }
        return command.fail(400, composed: "\(what): \(apus_str(s: start, len: complaint.len).string)")
    }
}
