import DoorKit
import PluginKit
import TextDoor

// Invariants: the state is made at load time, for ever, and written on the main thread before the server runs.

/// What the parameters say.
private struct State {
    var name: apus_str = ""
    var serName: apus_str = ""
    var access = DoorAccess()
    var replyFolder: apus_str = ""
    var indent: apus_str = ""
}

private nonisolated(unsafe) let state = permanent(State())

private let module = Module(
    "mi_fifo", version: "1.0", summary: "Commands by a FIFO, in the text protocols of OpenSER and SER",
    start: { host in start(host) ? .true : .false }, declare: { host in declare(host) })

private func declare(_ host: Host) {
    host.parameter(
        "fifo_name", into: state.pointer(to: \.name)!, initial: "",
        doc: "Path of a FIFO for commands of the management interface.")
    host.parameter(
        "ser_fifo", into: state.pointer(to: \.serName)!, initial: "",
        doc: "Path of a FIFO for SER's text; the core option fifo sets it.")
    host.parameter(
        "fifo_mode", into: state.pointer(to: \.access.mode)!, initial: "0", range: 0...0o777,
        doc: "Permissions of the FIFOs; 0: 0600, or 0660 when there is a group.")
    host.nameParameter(
        "fifo_user", into: state.pointer(to: \.access.user)!, doc: "Owner of the FIFOs, a name or a number.")
    host.nameParameter(
        "fifo_group", into: state.pointer(to: \.access.group)!, doc: "Group of the FIFOs, a name or a number.")
    host.parameter(
        "reply_dir", into: state.pointer(to: \.replyFolder)!, initial: "/tmp/", doc: "Folder of the reply FIFOs.")
    host.parameter(
        "reply_indent", into: state.pointer(to: \.indent)!, initial: "\t",
        doc: "Stands before a line of a reply, once for each level.")
}

private func start(_ host: Host) -> Bool {
    guard !state.pointee.name.isEmpty || !state.pointee.serName.isEmpty else {
        host.log(.error, "fifo_name is missing: write modparam(\"mi_fifo\", \"fifo_name\", \"/run/apus/fifo\")")
        return false
    }
    return open(host, .mi, "mi_fifo", state.pointee.name) && open(host, .ser, "fifo", state.pointee.serName)
}

private func open(_ host: Host, _ dialect: Dialect, _ name: apus_str, _ path: apus_str) -> Bool {
    if path.isEmpty { return true }
    var settings = TextDoor.Settings(name: name)
    settings.replyFolder = state.pointee.replyFolder
    settings.indent = state.pointee.indent
    let address = DoorAddress(kind: APUS_DOOR_FIFO, place: path.string)
    return TextDoor.open(host, dialect, settings, address, state.pointee.access)
}

@c(apus_module_mi_fifo)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }
