import DoorKit
import PluginKit
import TextDoor

// Invariants: the state is made at load time, for ever, and written on the main thread before the server runs.

/// What the parameters say.
private struct State {
    var name: apus_str = ""
    var serName: apus_str = ""
    /// There is one thread for all doors.
    var children: Int64 = 1
    var access = DoorAccess()
    var timeout: Int64 = 2000
    var indent: apus_str = ""
}

private nonisolated(unsafe) let state = permanent(State())

private let module = Module(
    "mi_datagram", version: "1.0", summary: "Commands by datagrams, in the text protocols of OpenSER and SER",
    start: { host in start(host) ? .true : .false }, declare: { host in declare(host) })

private func declare(_ host: Host) {
    host.parameter(
        "socket_name", into: state.pointer(to: \.name)!, initial: "",
        doc: "Path of a unix socket, or udp:ADDRESS:PORT, for commands of the management interface.")
    host.parameter(
        "ser_socket", into: state.pointer(to: \.serName)!, initial: "",
        doc: "Path of a unix socket for SER's text; the core option unix_sock sets it.")
    host.parameter(
        "children_count", into: state.pointer(to: \.children)!, initial: "1", range: 1...1024,
        doc: "Accepted; one thread serves all doors.")
    host.parameter(
        "unix_socket_mode", into: state.pointer(to: \.access.mode)!, initial: "0", range: 0...0o777,
        doc: "Permissions of a unix socket; 0: 0600, or 0660 when there is a group.")
    host.nameParameter(
        "unix_socket_user", into: state.pointer(to: \.access.user)!, doc: "Owner of a unix socket, a name or a number.")
    host.nameParameter(
        "unix_socket_group", into: state.pointer(to: \.access.group)!,
        doc: "Group of a unix socket, a name or a number.")
    host.parameter(
        "socket_timeout", into: state.pointer(to: \.timeout)!, initial: "2000", range: 1...3_600_000,
        doc: "Milliseconds that a reply waits for room at its receiver.")
    host.parameter(
        "reply_indent", into: state.pointer(to: \.indent)!, initial: "\t",
        doc: "Stands before a line of a reply, once for each level.")
    host.parameter(
        "public", into: state.pointer(to: \.access.isPublic)!, initial: "0", range: 0...1,
        doc: "1: a UDP address other than loopback is allowed. Whoever reaches it can command the server.")
}

private func start(_ host: Host) -> Bool {
    guard !state.pointee.name.isEmpty || !state.pointee.serName.isEmpty else {
        host.log(.error, "socket_name is missing: write modparam(\"mi_datagram\", \"socket_name\", \"/run/apus/mi\")")
        return false
    }
    return open(host, .mi, "mi_datagram", state.pointee.name) && open(host, .ser, "unix_sock", state.pointee.serName)
}

private func open(_ host: Host, _ dialect: Dialect, _ name: apus_str, _ text: apus_str) -> Bool {
    if text.isEmpty { return true }
    var settings = TextDoor.Settings(name: name)
    settings.indent = state.pointee.indent
    settings.milliseconds = state.pointee.timeout
    guard let address = DoorAddress(text.string, path: APUS_DOOR_UNIX_DATAGRAM, port: 0),
        address.kind == APUS_DOOR_UNIX_DATAGRAM || (address.kind == APUS_DOOR_UDP && address.port > 0)
    else {
        host.log(.error, "`\(text.string)` is no socket: a path or udp:ADDRESS:PORT is wanted")
        return false
    }
    return TextDoor.open(host, dialect, settings, address, state.pointee.access)
}

@c(apus_module_mi_datagram)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }
