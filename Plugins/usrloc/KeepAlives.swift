import Pings
import PluginKit
import RoutingKit

// Invariants: settings, style and homes are written in `start` and constant from then on; a home is its worker's.

/// The parameters `ka_…`.
struct KeepAliveSettings {
    var mode: Int64 = 0
    var method = apus_str()
    var from = apus_str()
    var domain = apus_str()
    var filter: Int64 = 0
    var interval: Int64 = 0
    var timeout: Int64 = 0
    var logLevel: Int64 = 255
    var logText = apus_str()
}

/// SIP pings of the module's own contacts.
struct KeepAlives {
    fileprivate struct Mode: OptionSet {
        let rawValue: Int64
        static let on = Mode(rawValue: 1)
        static let nated = Mode(rawValue: 2)
        static let udp = Mode(rawValue: 4)
    }

    fileprivate var settings = KeepAliveSettings()
    fileprivate var homes: UnsafeMutablePointer<PingHome>?
    fileprivate var text: OpaquePointer?
    fileprivate var usesDomain = false
    fileprivate var ownServer: UInt32 = 0
    /// When the server began to ping, seconds since 1970: nobody can have answered before.
    fileprivate var since: Int64 = 0
    /// Counter of pings.
    fileprivate var sent: UInt32 = 0

    static func make() -> UnsafeMutablePointer<KeepAlives> { permanent(KeepAlives()) }
}

/// What tags of pings begin with.
private var prefix: apus_str { "ulping-" }
/// `ka_loglevel`: nothing is logged.
private let silent: Int64 = 255

func declareKeepAlives(_ host: Host, _ made: UnsafeMutablePointer<State>) {
    let parameters: [Parameter<KeepAliveSettings>] = [
        .number(
            "ka_mode", \.mode, 0, 0...7, doc: "Pings: 1 of all contacts, 2 of those behind NAT, 4 by UDP only; a sum."),
        .text("ka_method", \.method, "OPTIONS", doc: "Method of pings."),
        .text("ka_from", \.from, "sip:server@apus.invalid", doc: "URI in From of pings."),
        .text("ka_domain", \.domain, "apus.invalid", doc: "Domain in To of pings, when addresses have none."),
        .number("ka_filter", \.filter, 0, 0...1, doc: "1: only contacts of this server (server_id) are pinged."),
        .number(
            "ka_interval", \.interval, 0, 0...86400,
            doc: "Seconds in which each contact is pinged once; 0: timer_interval."),
        .number(
            "ka_timeout", \.timeout, 0, 0...86400,
            doc: "Seconds without an answer after which a contact is removed; 0: never."),
        .number("ka_loglevel", \.logLevel, silent, -5...silent, doc: "Level of a line for each answer; 255: none."),
        .text("ka_logmsg", \.logText, " to-uri: [$tu] remote-addr: [$sas]", doc: "What that line says of the answer."),
    ]
    let settings = made.pointer(to: \.settings).unsafelyUnwrapped
    host.declare(parameters, in: settings.pointer(to: \.keepalive).unsafelyUnwrapped)
    made.pointee.keepalives.pointee.sent = host.counter("usrloc", "pings_sent", doc: "Pings by ka_mode.")
    host.hook(APUS_HOOK_REPLY) { state.pointee.keepalives.take($0) }
}

extension UnsafeMutablePointer<KeepAlives> {
    /// [start] False with the reason in the log.
    func start(_ host: Host, _ settings: KeepAliveSettings, _ all: Settings) -> Bool {
        let mode = KeepAlives.Mode(rawValue: settings.mode)
        guard !mode.isEmpty else { return true }
        guard all.place != .database else {
            host.log(.notice, "ka_mode has no effect with db_mode 3: there are no contacts in memory")
            return true
        }
        guard settings.method.isToken else {
            host.log(.error, "ka_method is no method")
            return false
        }
        var cflags: UInt32 = 0
        if mode.contains(.nated) {
            guard 0...31 ~= all.natFlag else {
                host.log(.error, "ka_mode 2 needs nat_bflag")
                return false
            }
            cflags = 1 << UInt32(all.natFlag)
        }
        if settings.logLevel != silent {
            pointee.text = host.pointee.vars.pointee.compile_format(host, settings.logText)
            guard pointee.text != nil else { return false }
        }
        pointee.settings = settings
        pointee.usesDomain = all.usesDomain != 0
        pointee.ownServer = UInt32(clamping: host.core("server_id").num)
        pointee.since = wallSeconds()
        let style = permanent(
            PingStyle(
                prefix: prefix, method: settings.method, from: headerValue(settings.from),
                transport: mode.contains(.udp) ? UInt32(APUS_UDP) : 0, sent: pointee.sent))
        let interval = UInt64(settings.interval > 0 ? settings.interval : all.timerInterval) * 1000
        pointee.homes = PingHome.make(host, style, interval: interval, cflags: cflags)
        return host.pointee.timer.pointee.every(
            host, PingHome.beat, UInt32(APUS_TIMER_EACH_WORKER), { state.pointee.keepalives.turn($0) }, nil) > 0
    }

    fileprivate func turn(_ tick: UnsafePointer<apus_tick>) {
        guard let interface = state.pointee.interface, let homes = pointee.homes else { return }
        let home = homes + Int(tick.pointee.worker)
        home.turn(tick.pointee.host, interface, now: tick.pointee.now) { host, aor, hash, contact, user in
            let home = user.unsafelyUnwrapped.assumingMemoryBound(to: PingHome.self)
            state.pointee.keepalives.ping(host, home, aor, hash, contact.pointee)
        }
    }

    /// [worker]
    private func ping(
        _ host: Host, _ home: UnsafeMutablePointer<PingHome>, _ aor: apus_str, _ hash: UInt64, _ contact: usrloc_contact
    ) {
        let settings = pointee.settings
        guard settings.filter == 0 || contact.server_id == pointee.ownServer, PingMark.fits(contact.ruid) else {
            return
        }
        let mark = PingMark(table: home.pointee.table, hash: hash, sent: PingSender.microseconds(), ruid: contact.ruid)
        let room = aor.len + settings.domain.len + 8
        withUnsafeTemporaryAllocation(byteCount: room, alignment: 1) { memory in
            var to = Writer(memory.baseAddress.unsafelyUnwrapped, capacity: room)
            to.add("sip:")
            to.add(aor)
            if !pointee.usesDomain {
                to.add("@")
                to.add(settings.domain)
            }
            // An address may hold what a URI must not: then the contact stands in To.
            let uri = host.uriIsValid(to.text) && to.text.isPlain ? to.text : contact.uri
            let ping = Ping(.request, host, contact, ignoresPath: false, to: uri, mark: mark)
            let mode = KeepAlives.Mode(rawValue: settings.mode)
            guard !mode.contains(.udp) || ping.transport(host) == APUS_UDP else { return }
            if settings.timeout > 0, wallSeconds() - max(contact.last_keepalive, pointee.since) > settings.timeout {
                _ = state.pointee.tables[Int(mark.table)].pointee.store.expire(hash, contact.ruid, now: wallSeconds())
                return
            }
            home.sender.send(host, ping)
        }
    }

    /// A reply to one of our pings is taken.
    fileprivate func take(_ hook: UnsafePointer<apus_hook>) -> CInt {
        guard pointee.homes != nil else { return .true }
        let host = hook.pointee.host
        let message = Message(handle: hook.pointee.msg, api: host.pointee.message)
        guard let mark = PingMark(message.field(APUS_FIELD_FROM_TAG), prefix: prefix) else { return .true }
        let status = message.api.pointee.status(message.handle)
        guard status != 408, status != 430, Int(mark.table) < state.pointee.tableCount else { return .exit }
        let roundTrip = mark.roundTrip
        let store = state.pointee.tables[Int(mark.table)].pointee.store
        guard store.refresh(mark.hash, mark.ruid, roundTrip: roundTrip, now: wallSeconds()) else { return .exit }
        if pointee.text != nil, host.pointee.log.pointee.enabled(host, CInt(pointee.settings.logLevel)) > 0 {
            _ = host.pointee.script.pointee.with_call(
                host, message.handle, nil, { state.pointee.keepalives.tell($0) }, nil)
        }
        return .exit
    }

    /// `ka_logmsg`, of an answer.
    private func tell(_ call: Call) -> CInt {
        guard let mark = PingMark(call.message.field(APUS_FIELD_FROM_TAG), prefix: prefix),
            let text = call.expand(pointee.text)
        else { return .false }
        let microseconds = mark.roundTrip
        let fraction = String(microseconds % 1_000_000 + 1_000_000).dropFirst()
        var line = "keepalive roundtrip: \(microseconds / 1_000_000).\(fraction) sec"
        line += " - ruid [\(mark.ruid.string)]\(text.string)"
        line.withUTF8 {
            call.host.pointee.log.pointee.write(
                call.host, CInt(pointee.settings.logLevel), apus_str(start: $0.baseAddress, count: $0.count))
        }
        return .true
    }
}

extension apus_str {
    /// It ends neither a header nor the angle brackets around it.
    fileprivate var isPlain: Bool { bytes.allSatisfy { $0 > 0x20 && $0 != 0x3c && $0 != 0x3e && $0 != 0x7f } }
}
