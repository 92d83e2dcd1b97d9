import Glibc
import PluginKit

// Invariants: the socket is opened in `start` and belongs to worker 0 from then on, which reads it and runs the event's route.

/// Keys that are pressed in calls: the proxy reports each in a datagram, and a route of the script runs.
struct Digits {
    /// [declare] event_route[rtpengine:dtmf-event]; -1: the module has none.
    var eventID: CInt = -1
    /// Where reports come to; -1: none are wanted.
    private(set) var descriptor: Int32 = -1
    // Who gets what a report says; nil: nobody.
    var callID: OpaquePointer?
    var sourceTag: OpaquePointer?
    var timestamp: OpaquePointer?
    var event: OpaquePointer?

    /// [start] False with the reason in the log.
    mutating func open(_ host: Host, _ text: apus_str) -> Bool {
        guard !text.isEmpty else { return true }
        let place = text.hasPrefix("udp:") ? text.dropFirst(4) : text
        var address = apus_address()
        guard let colon = place.lastIndex(of: UInt8(ascii: ":")),
            let port = place.dropFirst(colon + 1).number,
            let port = UInt16(exactly: port), port > 0,
            host.pointee.net.pointee.parse_address(place[0..<colon], &address) > 0
        else {
            host.log(
                .error,
                "dtmf_events_sock is an IP address and a port, udp:127.0.0.1:2224, not `\(text.string)`")
            return false
        }
        let peer = PeerRef.allocate(capacity: 1)
        peer.initialize(to: Peer(number: 0, url: "", address: .unix(path: "/")))
        defer {
            peer.deinitialize(count: 1)
            peer.deallocate()
        }
        peer.put(address, port: port)
        let type = Int32(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        descriptor = socket(address.family == 6 ? AF_INET6 : AF_INET, type, 0)
        let isBound = descriptor >= 0 && peer.withSocketAddress { bind(descriptor, $0, $1) } == 0
        if !isBound { host.log(.error, "dtmf_events_sock: \(String(cString: strerror(errno)))") }
        return isBound
    }

    /// [worker 0] Reads what comes from now on.
    func watch(_ host: Host) -> Bool {
        guard descriptor >= 0 else { return true }
        return host.pointee.loop.pointee.watch(
            host, descriptor, UInt32(APUS_READABLE), { host, _, _, _ in host.readDigits() }, nil) != 0
    }
}

extension apus_str {
    fileprivate func lastIndex(of byte: UInt8) -> Int? {
        var index = len - 1
        while index >= 0, self[index] != byte { index -= 1 }
        return index < 0 ? nil : index
    }
}

extension UnsafePointer<apus_host> {
    @_noLocks fileprivate func readDigits() {
        guard let media else { return }
        // Other sockets want their turn, too.
        for _ in 0..<64 {
            let input = media.pointee.input
            let count = unchecked {
                recv(state.pointee.digits.descriptor, input.baseAddress, input.count, 0)
            }
            guard count >= 0 else { return }
            if let report = DigitReport(UnsafeMutableRawBufferPointer(rebasing: input[..<count])) {
                self.count(state.pointee.counters.digits)
                unchecked { run(report) }
            } else {
                self.count(state.pointee.counters.brokenDigits)
            }
        }
    }

    /// Runs the script's route on a made-up message.
    private func run(_ report: DigitReport) {
        guard let route = pointee.events.pointee.route(self, state.pointee.digits.eventID) else {
            return
        }
        let text: apus_str =
            "OPTIONS sip:dtmf@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKdtmf\r\nFrom: <sip:dtmf@127.0.0.1>;tag=dtmf\r\nTo: <sip:dtmf@127.0.0.1>\r\nCall-ID: dtmf\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        guard let message = pointee.message.pointee.parse(self, text) else { return }
        defer { pointee.message.pointee.release(self, message) }
        var telling = Telling(report: report, avps: nil)
        withUnsafeMutablePointer(to: &telling) { telling in
            _ = pointee.script.pointee.with_call(self, message, nil, setVariables, telling)
        }
        defer { pointee.vars.pointee.release_avps(self, telling.avps) }
        var start = apus_start(
            size: UInt32(MemoryLayout<apus_start>.size), kind: UInt32(APUS_EVENT_ROUTE), flags: 0,
            reserved: 0,
            route: route, msg: message, avps: telling.avps, begun: nil, ended: nil, user: nil)
        if pointee.script.pointee.start_run(self, &start) <= 0 {
            log(.warning, "event_route[rtpengine:dtmf-event] does not run: too much waits")
        }
    }
}

/// What the route's variables are set to, and the AVPs among them, which it begins with.
private struct Telling {
    let report: DigitReport
    var avps: OpaquePointer?
}

private let setVariables: @convention(c) (Call) -> CInt = { call in
    guard let telling = call.pointee.user?.assumingMemoryBound(to: Telling.self) else {
        return .false
    }
    let digits = state.pointee.digits
    let report = telling.pointee.report
    call.put(digits.callID, apus_value(report.callID))
    call.put(digits.sourceTag, apus_value(report.sourceTag))
    call.put(digits.event, apus_value(report.event))
    if report.timestamp >= 0 { call.put(digits.timestamp, apus_value(report.timestamp)) }
    telling.pointee.avps = call.host.pointee.vars.pointee.share_avps(call)
    return .true
}
