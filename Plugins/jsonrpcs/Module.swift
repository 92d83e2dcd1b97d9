import DoorKit
import PluginKit

private let module = Module(
    "jsonrpcs", version: "1.0",
    summary: "JSON-RPC 2.0: commands over FIFO, unix and UDP datagrams, TCP, and from scripts",
    start: { host in openDoors(host) ? .true : .false },
    declare: { host in
        declareParameters(host)
        declareFiles(host)
        declareScript(host)
        host.command(
            "jsonrpc.echo", arguments: "values:value?, ...", flags: APUS_RPC_READS | APUS_RPC_TREES,
            reply: "any...", doc: "Answers its arguments.",
            call: echo)
    })

@c(apus_module_jsonrpcs)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }

private func declareParameters(_ host: Host) {
    host.parameter(
        "transport", into: state.pointer(to: \.transport)!, initial: "6", range: 0...15,
        doc: "Which doors to open, as a sum: 1 HTTP, 2 FIFO, 4 datagram, 8 TCP; 0: all.")
    host.parameter(
        "pretty_format", into: state.pointer(to: \.pretty)!, initial: "1", range: 0...1,
        doc: "1: replies have a line for each value.")
    host.parameter(
        "tcp_socket", into: state.pointer(to: \.tcpAddress)!, doc: "Address and port of the TCP door.")
    host.parameter(
        "public", into: state.pointer(to: \.isPublic)!, initial: "0", range: 0...1,
        doc: "1: addresses other than loopback are allowed.")
    host.parameter(
        "max_connections", into: state.pointer(to: \.maxConnections)!, initial: "256", range: 1...65536,
        doc: "Connections, datagrams under way and replies at a time, for each door.")
}

private func declareFiles(_ host: Host) {
    host.parameter(
        "fifo_name", into: state.pointer(to: \.fifoName)!,
        doc: "Path of the FIFO; a plain name lies in the folder for such files.")
    host.parameter(
        "fifo_mode", into: state.pointer(to: \.fifo.mode)!, initial: "0", range: 0...0o777,
        doc: "Mode of the FIFO; 0: 0600, or 0660 when there is a group.")
    host.nameParameter("fifo_user", into: state.pointer(to: \.fifo.user)!, doc: "Owner of the FIFO.")
    host.nameParameter("fifo_group", into: state.pointer(to: \.fifo.group)!, doc: "Group of the FIFO.")
    host.parameter(
        "fifo_reply_dir", into: state.pointer(to: \.replyFolder)!, initial: "/tmp/",
        doc: "Folder of reply FIFOs and of files that replies are stored in.")
    host.parameter(
        "dgram_socket", into: state.pointer(to: \.socketName)!,
        doc: "Path of the datagram socket, or udp:address:port; a plain name lies in the folder for such files.")
    host.parameter(
        "dgram_mode", into: state.pointer(to: \.datagram.mode)!, initial: "0", range: 0...0o777,
        doc: "Mode of the socket file; 0: 0600, or 0660 when there is a group.")
    host.nameParameter("dgram_user", into: state.pointer(to: \.datagram.user)!, doc: "Owner of the socket file.")
    host.nameParameter("dgram_group", into: state.pointer(to: \.datagram.group)!, doc: "Group of the socket file.")
    host.parameter(
        "dgram_timeout", into: state.pointer(to: \.datagramTimeout)!, initial: "2000", range: 10...600_000,
        doc: "Milliseconds for a reader to take his reply, and for a request to become whole.")
    host.parameter(
        "dgram_workers", into: state.pointer(to: \.datagramWorkers)!, initial: "1", range: 1...1024,
        doc: "Accepted, without effect: all commands run on the management thread.")
}

private func declareScript(_ host: Host) {
    state.pointee.slot = host.slot(APUS_SLOT_MESSAGE) { _, data in ScriptReply.release(data) }
    host.function(
        "jsonrpc_exec", "request:format", flags: APUS_MAY_SUSPEND,
        doc: "Executes a JSON-RPC request; the reply is in $jsonrpl.", call: execute)
    host.variable(
        "jsonrpl", inner: "code|text|body", doc: "The last reply to jsonrpc_exec: its code, text and JSON.",
        get: readReply)
}

/// `jsonrpc.echo`
private func echo(_ call: Command) -> CInt {
    let rpc = call.pointee.host.pointee.rpc.pointee
    let answer = call.pointee.answer
    for index in 0..<call.pointee.count {
        var count: UInt32 = 0
        guard let items = rpc.items(call, index, &count) else { continue }
        for item in UnsafeBufferPointer(start: items, count: Int(count)) {
            item.withKey { key in
                switch Int(item.kind) {
                case APUS_ITEM_INT: rpc.add_int(answer, key, item.num)
                case APUS_ITEM_DOUBLE: rpc.add_double(answer, key, item.real)
                case APUS_ITEM_MAP: rpc.open_map(answer, key)
                case APUS_ITEM_ARRAY: rpc.open_array(answer, key)
                case APUS_ITEM_END: rpc.close(answer)
                default: rpc.add_text(answer, key, item.str)
                }
            }
        }
    }
    return .true
}

extension apus_item {
    /// The key as a C string; null without one.
    fileprivate func withKey(_ body: (UnsafePointer<CChar>?) -> Void) {
        if keyed != 0 { key.string.withCString { body($0) } } else { body(nil) }
    }
}
