import DoorKit
import PluginKit

private let module = Module(
    "ctl", version: "1.0", summary: "binrpc: commands from kamcmd and its like",
    start: { host in openDoors(host) ? .true : .false },
    declare: { host in
        declareParameters(host)
        declareCommands(host)
    })

@c(apus_module_ctl)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }

private func declareParameters(_ host: Host) {
    host.parameter("binrpc", doc: "Where to listen: [unixs|unixd|udp|tcp]:address, repeatable.") { host, value, _ in
        let text = value.pointee.str.string
        guard DoorAddress(text, path: APUS_DOOR_UNIX_STREAM, port: defaultPort) != nil else {
            host.log(.error, "`\(text)` is no address: unixs:/path, unixd:/path, tcp:address:port or udp:address:port")
            return .false
        }
        state.pointee.binrpc.append(text)
        return .true
    }
    host.parameter(
        "fifo", doc: "Where to listen for the text protocol: [fifo:]path, unixd:path or udp:address:port, repeatable."
    ) { host, value, _ in
        let text = value.pointee.str.string
        guard let address = textAddress(text),
            [APUS_DOOR_FIFO, APUS_DOOR_UNIX_DATAGRAM, APUS_DOOR_UDP].contains(address.kind)
        else {
            host.log(.error, "`\(text)` is no place for the text protocol: fifo:/path, unixd:/path or udp:address:port")
            return .false
        }
        state.pointee.fifo.append(text)
        return .true
    }
    host.parameter(
        "fifo_reply_dir", into: state.pointer(to: \.replyFolder)!, initial: "/tmp/", doc: "Folder of the reply FIFOs.")
    host.parameter(
        "mode", into: state.pointer(to: \.access.mode)!, initial: "0", range: 0...0o777,
        doc: "Mode of socket files; 0: 0600, or 0660 when there is a group.")
    host.nameParameter("user", into: state.pointer(to: \.access.user)!, doc: "Owner of socket files.")
    host.nameParameter("group", into: state.pointer(to: \.access.group)!, doc: "Group of socket files.")
    host.parameter(
        "public", into: state.pointer(to: \.access.isPublic)!, initial: "0", range: 0...1,
        doc: "1: addresses other than loopback are allowed.")
    host.parameter(
        "autoconversion", into: state.pointer(to: \.converts)!, initial: "0", range: 0...1,
        doc: "1: a text that is a number does for a number.")
    host.parameter(
        "binrpc_max_body_size", into: state.pointer(to: \.maxBody)!, initial: "32", range: 1...65536,
        doc: "Largest request in KiB.")
    host.parameter(
        "binrpc_struct_max_body_size", into: state.pointer(to: \.maxStructBody)!, initial: "8", range: 1...65536,
        doc: "Accepted, without effect.")
    host.parameter(
        "binrpc_buffer_size", into: state.pointer(to: \.bufferSize)!, initial: "1024", range: 1...1_048_576,
        doc: "Accepted, without effect.")
    host.parameter(
        "timeout", into: state.pointer(to: \.timeout)!, initial: "2000", range: 10...600_000,
        doc: "Milliseconds for a request to become whole and for a reader to take his reply.")
    host.parameter(
        "max_connections", into: state.pointer(to: \.maxConnections)!, initial: "256", range: 1...65536,
        doc: "Connections at a time, for each address.")
}

private func declareCommands(_ host: Host) {
    host.command("ctl.listen", flags: APUS_RPC_READS, doc: "Where binrpc is spoken.") { listListeners($0) }
    host.command("ctl.who", flags: APUS_RPC_READS, doc: "Who is connected, and for how many seconds.") { listPeers($0) }
    host.command("ctl.connections", flags: APUS_RPC_READS, doc: "How many are connected.") { countPeers($0) }
}
