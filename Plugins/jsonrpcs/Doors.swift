import DoorKit
import JSON
import PluginKit

private enum Transport {
    static let http: Int64 = 1
    static let fifo: Int64 = 2
    static let datagram: Int64 = 4
    static let tcp: Int64 = 8
}

private func isWanted(_ transport: Int64) -> Bool {
    state.pointee.transport == 0 || state.pointee.transport & transport != 0
}

/// In `start`.
func openDoors(_ host: Host) -> Bool {
    if state.pointee.transport & Transport.http != 0 {
        host.log(.notice, "JSON-RPC over HTTP is not there: this server has no xhttp yet")
    }
    if isWanted(Transport.fifo), !openFIFO(host) { return false }
    if isWanted(Transport.datagram), !openDatagram(host) { return false }
    if isWanted(Transport.tcp) {
        if !state.pointee.tcpAddress.isEmpty { return openTCP(host) }
        if state.pointee.transport != 0 {
            host.log(.error, "transport \(state.pointee.transport) wants TCP: set tcp_socket")
            return false
        }
    }
    return true
}

private func openFIFO(_ host: Host) -> Bool {
    let kind = APUS_DOOR_FIFO
    guard state.pointee.fifoName.isEmpty else {
        let path = DoorFolders.path(host, state.pointee.fifoName.string)
        return host.open(DoorAddress(kind: kind, place: path), state.pointee.fifo, speech())
    }
    for path in DoorFolders.defaults(host, own: "apus_rpc.fifo", familiar: "kamailio_rpc.fifo") {
        _ = host.open(DoorAddress(kind: kind, place: path), state.pointee.fifo, tries: true, speech())
    }
    return true
}

private func openDatagram(_ host: Host) -> Bool {
    var access = state.pointee.datagram
    access.isPublic = state.pointee.isPublic
    let name = state.pointee.socketName.string
    guard name.isEmpty else {
        if name.lowercased().hasPrefix("udp:") {
            guard let address = DoorAddress(name, path: APUS_DOOR_UNIX_DATAGRAM, port: 8086) else {
                host.log(.error, "dgram_socket: `\(name)` is no address: write udp:address:port")
                return false
            }
            return host.open(address, access, speech())
        }
        let path = DoorFolders.path(host, name)
        return host.open(DoorAddress(kind: APUS_DOOR_UNIX_DATAGRAM, place: path), access, speech())
    }
    for path in DoorFolders.defaults(host, own: "apus_rpc.sock", familiar: "kamailio_rpc.sock") {
        _ = host.open(DoorAddress(kind: APUS_DOOR_UNIX_DATAGRAM, place: path), access, tries: true, speech())
    }
    return true
}

private func openTCP(_ host: Host) -> Bool {
    var access = DoorAccess()
    access.isPublic = state.pointee.isPublic
    let text = state.pointee.tcpAddress.string
    let given = text.lowercased().hasPrefix("tcp:") ? text : "tcp:" + text
    guard let address = DoorAddress(given, path: APUS_DOOR_UNIX_STREAM, port: 8086), address.kind == APUS_DOOR_TCP
    else {
        host.log(.error, "tcp_socket: `\(text)` is no address: write address:port")
        return false
    }
    return host.open(address, access, speech())
}

private func speech() -> DoorSpeech {
    DoorSpeech(
        maxRequest: maxRequest, maxPeers: state.pointee.maxConnections, milliseconds: state.pointee.datagramTimeout,
        received: { peer, bytes in
            Int(peer.pointee.kind) == APUS_DOOR_UDP || Int(peer.pointee.kind) == APUS_DOOR_UNIX_DATAGRAM
                ? receivedDatagram(peer, bytes.bytes) : received(peer, bytes.bytes)
        },
        refused: { peer, reason, _ in
            let text =
                switch Int(reason) {
                case APUS_DOOR_TOO_SLOW:
                    "the request was not complete within \(state.pointee.datagramTimeout) ms"
                case APUS_DOOR_TOO_LARGE: "the request has more than \(maxRequest) bytes"
                default: "the request is cut off"
                }
            refuse(peer, RPCFault.parse, text)
        },
        drained: { peer in PeerWork.of(peer)?.more() }, closed: { peer in PeerWork.end(peer) })
}

/// A stream or FIFO: texts one after the other.
private func received(_ peer: UnsafeMutablePointer<apus_peer>, _ bytes: UnsafeBufferPointer<UInt8>) -> Int64 {
    switch JSONFraming.find(bytes) {
    case .incomplete: return 0
    case .space(let count): return Int64(count)
    case .none:
        refuse(peer, RPCFault.parse, "a request is an object or an array")
        return -1
    case .end(let count):
        peer.hold(true)
        PeerWork.begin(UnsafeBufferPointer(rebasing: bytes[..<count]), peer)
        return Int64(count)
    }
}

private func receivedDatagram(_ peer: UnsafeMutablePointer<apus_peer>, _ bytes: UnsafeBufferPointer<UInt8>) -> Int64 {
    PeerWork.begin(bytes, peer)
    return 0
}

/// Answers what cannot be read; a FIFO has nobody to be answered.
private func refuse(_ peer: UnsafeMutablePointer<apus_peer>, _ code: Int64, _ text: String) {
    if Int(peer.pointee.kind) == APUS_DOOR_FIFO {
        peer.pointee.host.log(.warning, "a request by the FIFO is dropped: \(text)")
        return
    }
    _ = Response.fault(code, Array(text.utf8), id: .null).withStr { peer.write($0) }
}
