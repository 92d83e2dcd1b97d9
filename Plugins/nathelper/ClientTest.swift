import PluginKit
import RoutingKit

/// The bits of `nat_uac_test`.
private enum Sign {
    static let privateContact: Int64 = 1
    static let otherVia: Int64 = 2
    static let privateVia: Int64 = 4
    static let privateMedia: Int64 = 8
    static let otherViaPort: Int64 = 16
    static let privateSource: Int64 = 32
    static let webSocket: Int64 = 64
    static let otherContactPort: Int64 = 128
    static let otherMedia: Int64 = 256
    static let otherTarget: Int64 = 512
    static let all: Int64 = 1023
}

/// `nat_uac_test(bits)`: whether one of these is a sign that the sender is behind a NAT.
func testClient(_ call: Call) -> CInt {
    let bits = call.int(0)
    guard bits & ~Sign.all == 0 else { return call.fail("nat_uac_test knows the bits 1 to 512") }
    let test = ClientTest(call)
    return test.way(bits) || test.contacts(bits) || test.media(bits) || test.target(bits) ? .true : .false
}

/// Checks a constant, the first argument.
let prepareClientTest: Preparation = { _, _, constant, _, complaint in
    guard let bits = constant.number, bits & ~Sign.all == 0 else {
        return complaint.say("a sum of 1, 2, 4, 8, 16, 32, 64, 128, 256 and 512 is wanted")
    }
    return .true
}

private struct ClientTest {
    private let message: Message
    private let host: Host
    private let mode: Int64
    private let source: apus_destination

    init(_ call: Call) {
        message = call.message
        host = call.host
        mode = call.state.pointee.addressMode
        source = message.source
    }

    private func isPrivate(_ text: apus_str) -> Bool { host.address(text)?.isPrivate(mode: mode) ?? false }

    /// A name is another address, as nobody looks it up.
    private func isOther(_ text: apus_str) -> Bool { host.address(text).map { !$0.hasIP(of: source.remote) } ?? true }

    /// By the top Via and by what the message came from.
    func way(_ bits: Int64) -> Bool {
        if bits & Sign.privateSource != 0, source.remote.isPrivate(mode: mode) { return true }
        if bits & Sign.webSocket != 0, isWebSocket(Int(source.transport)) { return true }
        guard bits & (Sign.otherVia | Sign.privateVia | Sign.otherViaPort) != 0, let via = message.via(0) else {
            return false
        }
        let port = via.port == 0 ? 5060 : via.port
        return (bits & Sign.otherVia != 0 && isOther(via.host)) || (bits & Sign.privateVia != 0 && isPrivate(via.host))
            || (bits & Sign.otherViaPort != 0 && port != UInt32(source.remote.port))
    }

    func contacts(_ bits: Int64) -> Bool {
        guard bits & (Sign.privateContact | Sign.otherContactPort) != 0 else { return false }
        var contacts = Contacts(message)
        while let text = contacts.next() {
            guard let uri = message.parse(uri: text) else { continue }
            if bits & Sign.privateContact != 0, isPrivate(uri.host) { return true }
            let port = uri.port_number == 0 ? 5060 : uri.port_number
            if bits & Sign.otherContactPort != 0, port != UInt32(source.remote.port) { return true }
        }
        return false
    }

    /// Whether the message goes elsewhere than it says: a request than its Request-URI, by `$du`; a reply than its next Via, by what that was received from.
    /// So does all that goes over a WebSocket.
    func target(_ bits: Int64) -> Bool {
        guard bits & Sign.otherTarget != 0 else { return false }
        return message.isRequest ? requestTarget() : replyTarget()
    }

    private func requestTarget() -> Bool {
        var branch = apus_branch()
        branch.size = UInt32(MemoryLayout<apus_branch>.size)
        host.pointee.branches.pointee.current(message.handle, &branch)
        guard let uri = message.parse(uri: branch.uri) else { return false }
        guard !branch.destination.isEmpty, let next = message.parse(uri: branch.destination) else {
            return isWebSocket(uri.transportNumber)
        }
        return isWebSocket(next.transportNumber) || !next.host.equalsIgnoringCase(uri.host)
            || next.effectivePort != uri.effectivePort
    }

    private func replyTarget() -> Bool {
        guard let via = message.via(1) else { return false }
        if isWebSocket(Int(host.pointee.net.pointee.transport(via.transport))) { return true }
        if !via.received.isEmpty, !via.received.equalsIgnoringCase(via.host) { return true }
        let port = via.port == 0 ? 5060 : via.port
        return via.rport.isEmpty ? false : via.rport.number != Int64(port)
    }

    private func isWebSocket(_ transport: Int) -> Bool { transport == APUS_WS || transport == APUS_WSS }

    func media(_ bits: Int64) -> Bool {
        guard bits & (Sign.privateMedia | Sign.otherMedia) != 0, let sdp = message.sdp else { return false }
        var lines = DescriptionLines(sdp)
        while let line = lines.next() {
            guard line.kind == .connection, let address = line.address else { continue }
            if bits & Sign.privateMedia != 0, isPrivate(address) { return true }
            if bits & Sign.otherMedia != 0, isOther(address) { return true }
        }
        return false
    }
}
