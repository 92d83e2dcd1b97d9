import DoorKit
import PluginKit

/// A group as commands name it: `limits`, or its instance `limits[7]`.
struct Group {
    let name: String
    /// Nil: the group itself.
    let id: Int64?

    init(_ text: apus_str) {
        let text = text.string
        if text.hasSuffix("]"), let open = text.firstIndex(of: "["), open > text.startIndex,
            let id = Int64(text[text.index(after: open)...].dropLast())
        {
            (name, self.id) = (String(text[..<open]), id)
        } else {
            (name, id) = (text, nil)
        }
    }

    /// Is it one of the group's?
    func has(_ setting: apus_setting) -> Bool {
        setting.group.string == name && (setting.is_instance != 0 ? setting.id == id : id == nil)
    }
}

extension apus_setting {
    /// As commands name it.
    var groupText: String { is_instance != 0 ? "\(group.string)[\(id)]" : group.string }
}

/// The commands that make and delete instances, and what those have of their own.
func declareInstances(_ host: Host) {
    host.command(
        "cfg.add_group_inst", arguments: "group:string", reply: "none",
        doc:
            "Gives a group an instance, group[id], with the group's values until others are set; scripts choose it by cfg_select."
    ) { changeInstance($0, "Failed to add the group instance", $0.host.pointee.config.pointee.add_instance) }
    host.command(
        "cfg.del_group_inst", arguments: "group:string", reply: "none",
        doc: "Takes away an instance of a group, group[id], with its values."
    ) { changeInstance($0, "Failed to delete the group instance", $0.host.pointee.config.pointee.delete_instance) }
    host.command(
        "cfg.del", arguments: "group:string, name:string", reply: "none",
        doc: "Takes away the value that an instance of a group, group[id], has of its own: it has the group's again."
    ) { command in
        guard let one = instanceSetting(command) else { return .false }
        return change(command, [Noted(one, nil)])
    }
}

private typealias Changing =
    @convention(c) (Host, apus_str, Int64, UnsafeMutablePointer<apus_complaint>) -> CInt

private func changeInstance(_ command: Command, _ what: String, _ body: Changing) -> CInt {
    let group = Group(command.text(0))
    guard let id = group.id else { return failSyntax(command) }
    return group.name.withStr { name in complaining(command, what) { body(command.host, name, id, $0) } }
}

private func failSyntax(_ command: Command) -> CInt {
    command.fail(400, "Wrong group syntax. Use \"group[id]\"")
}

/// The parameter of an instance that the first two arguments name; nil, and a fault, when there is none.
func instanceSetting(_ command: Command) -> apus_setting? {
    guard Group(command.text(0)).id != nil else {
        _ = failSyntax(command)
        return nil
    }
    guard let one = setting(command) else {
        command.fail(400, "Failed to delete the value: there is none of that name")
        return nil
    }
    return one
}
