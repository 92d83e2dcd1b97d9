import DoorKit
import PluginKit
import TextDoor

/// Where an address has no port: Kamailio's.
let defaultPort: UInt16 = 2049

/// An address of the parameter `fifo`.
func textAddress(_ text: String) -> DoorAddress? { DoorAddress(text, path: APUS_DOOR_FIFO, port: defaultPort) }

/// In `start`: opens what the parameter `fifo` names, and what `binrpc` names or clients try of their own.
func openDoors(_ host: Host) -> Bool {
    for text in state.pointee.fifo {
        var settings = TextDoor.Settings(name: "ctl")
        settings.replyFolder = state.pointee.replyFolder
        settings.milliseconds = state.pointee.timeout
        guard let address = textAddress(text), TextDoor.open(host, .ctl, settings, address, state.pointee.access) else {
            return false
        }
    }
    let addresses = state.pointee.binrpc.compactMap {
        DoorAddress($0, path: APUS_DOOR_UNIX_STREAM, port: defaultPort)
    }
    if !addresses.isEmpty {
        for address in addresses where !host.open(address, state.pointee.access, speech()) { return false }
        return true
    }
    var isOpen = false
    for path in DoorFolders.defaults(host, own: "apus_ctl", familiar: "kamailio_ctl") {
        let address = DoorAddress(kind: APUS_DOOR_UNIX_STREAM, place: path)
        if host.open(address, state.pointee.access, tries: true, speech()) { isOpen = true }
    }
    if !isOpen {
        host.log(
            .error, "no control socket could be opened: set one with modparam(\"ctl\", \"binrpc\", \"unixs:/path\")")
    }
    return true
}

private func speech() -> DoorSpeech {
    // How large a request is says its header: `Session` looks at that.
    DoorSpeech(
        maxRequest: state.pointee.maxBody * 1024 + 64, maxPeers: state.pointee.maxConnections,
        milliseconds: state.pointee.timeout,
        received: { peer, bytes in Session.of(peer).received(bytes.bytes) },
        refused: { peer, reason, bytes in Session.of(peer).refused(Int(reason), bytes.bytes) },
        closed: { peer in Session.end(peer) })
}
