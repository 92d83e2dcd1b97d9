import Pings
import PluginKit
import RoutingKit
import Synchronization

// Invariants: settings, style and homes are written in `start` and constant from then on; a home is its worker's.

/// The parameters of pings.
struct PingSettings {
    var interval: Int64 = 0
    var natedOnly: Int64 = 0
    var requestFlag: Int64 = -1
    var disableFlag: Int64 = -1
    var from = apus_str()
    var method = apus_str()
    var forcedSocket = apus_str()
    var pingSocket = apus_str()
    var timeout: Int64 = 0
    var ownOnly: Int64 = 0
    var ignoresPath: Int64 = 0
}

/// Pings of registered contacts.
struct Pinger: ~Copyable {
    var settings = PingSettings()
    /// Counters.
    var sent: UInt32 = 0
    var answered: UInt32 = 0
    var removed: UInt32 = 0
    fileprivate var usrloc: UnsafePointer<usrloc_api>?
    fileprivate var homes: UnsafeMutablePointer<PingHome>?
    fileprivate var listener: OpaquePointer?
    fileprivate var serverId: UInt32 = 0
    fileprivate var sendsRequests = false
    /// The contacts are in the database only.
    fileprivate var walksRows = false
    /// 0: pings are stopped by an operator.
    let isActive = Atomic<Int64>(1)
    /// When pings began, or began again: seconds since 1970. Nobody can have answered before.
    fileprivate let since = Atomic<Int64>(0)

    /// For functions that are handed nothing else. Set once, in `declare`.
    nonisolated(unsafe) fileprivate static var shared: UnsafeMutablePointer<Pinger>?

    static func make() -> UnsafeMutablePointer<Pinger> {
        let place = UnsafeMutablePointer<Pinger>.allocate(capacity: 1)
        place.initialize(to: Pinger())
        return place
    }
}

private var pinger: UnsafeMutablePointer<Pinger> { Pinger.shared.unsafelyUnwrapped }

/// What tags of pings begin with.
private var prefix: apus_str { "natping-" }

func declarePings(
    _ host: Host, _ settings: UnsafeMutablePointer<PingSettings>, _ made: UnsafeMutablePointer<Pinger>
) {
    Pinger.shared = made
    let parameters: [Parameter<PingSettings>] = [
        .number(
            "natping_interval", \.interval, 0, 0...86400, doc: "Seconds in which each contact is pinged once; 0: none."),
        .flag("ping_nated_only", \.natedOnly, 0, doc: "1: only contacts with nat_bflag of usrloc are pinged."),
        .number(
            "sipping_bflag", \.requestFlag, -1, -1...31,
            doc: "Branch flag of contacts that are pinged by a SIP request; -1: none are."),
        .number(
            "natping_disable_bflag", \.disableFlag, -1, -1...31,
            doc: "Branch flag of contacts that are not pinged; -1: none."),
        .text("sipping_from", \.from, doc: "URI in From of SIP pings, which need it."),
        .text("sipping_method", \.method, "OPTIONS", doc: "Method of SIP pings."),
        .text("force_socket", \.forcedSocket, doc: "Listener that pings leave by; empty: the one of the REGISTER."),
        .text("natping_socket", \.pingSocket, doc: "The same."),
        .number(
            "keepalive_timeout", \.timeout, 0, 0...86400,
            doc: "Seconds without an answer to SIP pings after which a contact behind NAT is removed; 0: never."),
        .flag("filter_server_id", \.ownOnly, 0, doc: "1: only contacts of this server (server_id) are pinged."),
        .flag("ignore_path", \.ignoresPath, 0, doc: "1: pings do not take the Path of a contact."),
    ]
    host.declare(parameters, in: settings)
    host.parameter(
        withoutEffect: "natping_processes", APUS_PARAM_INT, 1, "every worker pings its part of the contacts",
        doc: "Accepted without effect.")
    host.parameter(
        withoutEffect: "udpping_from_path", APUS_PARAM_INT, 0,
        "pings leave by a listener, not under another server's address", doc: "Accepted without effect.")
    made.pointee.sent = host.counter("nathelper", "pings_sent", doc: "Pings that were sent to contacts.")
    made.pointee.answered = host.counter("nathelper", "pings_answered", doc: "Answers to SIP pings.")
    made.pointee.removed = host.counter(
        "nathelper", "contacts_removed", doc: "Contacts that did not answer for keepalive_timeout.")
    host.command(
        "nathelper.enable_ping", aliases: "nh_enable_ping", arguments: "enable:int", reply: "none",
        doc: "0 stops pings, 1 lets them go on."
    ) { pinger.enable($0) }
    host.hook(APUS_HOOK_REPLY) { pinger.take($0) }
}

extension UnsafeMutablePointer<Pinger> {
    /// [start] False with the reason in the log.
    func start(_ host: Host, _ settings: PingSettings) -> Bool {
        pointee.settings = settings
        guard settings.interval > 0 else { return true }
        guard let usrloc = load_usrloc(host) else {
            host.log(.error, "natping_interval needs the contacts of usrloc: load usrloc.so, too")
            return false
        }
        var location = usrloc_settings()
        location.size = UInt32(MemoryLayout<usrloc_settings>.size)
        usrloc.pointee.settings(host, &location)
        pointee.walksRows = location.db_mode == 3
        var cflags: UInt32 = 0
        if settings.natedOnly != 0 {
            guard 0...31 ~= location.nat_bflag else {
                host.log(.error, "ping_nated_only needs nat_bflag of usrloc")
                return false
            }
            cflags = 1 << UInt32(location.nat_bflag)
        }
        pointee.sendsRequests = settings.requestFlag >= 0 && !settings.from.isEmpty
        if settings.requestFlag >= 0, settings.from.isEmpty {
            host.log(.warning, "sipping_from is not set: contacts with sipping_bflag are pinged without SIP")
        }
        if settings.timeout > 0, !pointee.sendsRequests {
            host.log(.warning, "keepalive_timeout has no effect without SIP pings (sipping_bflag, sipping_from)")
        }
        if settings.timeout > 0, pointee.walksRows {
            host.log(
                .warning, "keepalive_timeout has no effect with db_mode 3 of usrloc: rows do not say who has answered")
            pointee.settings.timeout = 0
        }
        guard settings.method.isToken else {
            host.log(.error, "sipping_method is no method")
            return false
        }
        guard chooseListener(host) else { return false }
        pointee.serverId = location.server_id
        pointee.usrloc = usrloc
        let style = permanent(
            PingStyle(
                prefix: prefix, method: settings.method, from: headerValue(settings.from), transport: UInt32(APUS_UDP),
                sent: pointee.sent))
        pointee.homes = PingHome.make(host, style, interval: UInt64(settings.interval) * 1000, cflags: cflags)
        pointee.since.store(wallSeconds(), ordering: .relaxed)
        return host.pointee.timer.pointee.every(
            host, PingHome.beat, UInt32(APUS_TIMER_EACH_WORKER), { pinger.turn($0) }, nil) > 0
    }

    private func chooseListener(_ host: Host) -> Bool {
        let forced = pointee.settings.forcedSocket
        let name = forced.isEmpty ? pointee.settings.pingSocket : forced
        guard !name.isEmpty else { return true }
        pointee.listener = host.listener(name)
        if pointee.listener == nil {
            host.log(.error, "pings cannot leave by \(name.string): it is no listener of this server")
        }
        return pointee.listener != nil
    }

    // MARK: - Pinging

    fileprivate func turn(_ tick: UnsafePointer<apus_tick>) {
        guard let usrloc = pointee.usrloc, let homes = pointee.homes else { return }
        let home = homes + Int(tick.pointee.worker)
        guard pointee.isActive.load(ordering: .relaxed) != 0 else { return home.pause() }
        let seen: PingHome.Seen = { host, _, hash, contact, user in
            let home = user.unsafelyUnwrapped.assumingMemoryBound(to: PingHome.self)
            pinger.ping(host, home, hash, contact.pointee)
        }
        if !pointee.walksRows {
            home.turn(tick.pointee.host, usrloc, now: tick.pointee.now, seen)
        } else if tick.pointee.worker == 0 {
            home.turnRows(tick.pointee.host, usrloc, now: tick.pointee.now, seen)
        }
    }

    /// [worker]
    private func ping(_ host: Host, _ home: UnsafeMutablePointer<PingHome>, _ hash: UInt64, _ contact: usrloc_contact) {
        let settings = pointee.settings
        func has(_ flag: Int64) -> Bool { flag >= 0 && contact.cflags >> UInt32(flag) & 1 != 0 }
        guard !has(settings.disableFlag), settings.ownOnly == 0 || contact.server_id == pointee.serverId else { return }
        // As with the peers: where all are pinged, all are pinged in one way.
        let isRequest =
            pointee.sendsRequests && (settings.natedOnly == 0 || has(settings.requestFlag))
            && PingMark.fits(contact.ruid)
        let mark = PingMark(
            table: home.pointee.table, hash: hash, sent: PingSender.microseconds(), ruid: contact.ruid)
        var ping = Ping(
            isRequest ? .request : .zeros, host, contact, ignoresPath: settings.ignoresPath != 0, to: contact.uri,
            mark: mark)
        guard ping.transport(host) == APUS_UDP else { return }
        if isRequest, isDead(contact), let table = pointee.usrloc?.pointee.table_at(host, mark.table) {
            if (pointee.usrloc?.pointee.expire(host, table, hash, contact.ruid) ?? 0) > 0 { host.bump(pointee.removed) }
            return
        }
        if let listener = pointee.listener { ping.listener = listener }
        home.sender.send(host, ping)
    }

    /// It has not answered for too long.
    private func isDead(_ contact: usrloc_contact) -> Bool {
        guard pointee.settings.timeout > 0, contact.keepalive != 0 else { return false }
        let since = max(contact.last_keepalive, pointee.since.load(ordering: .relaxed))
        return wallSeconds() - since > pointee.settings.timeout
    }

    // MARK: - Answers and operators

    /// A reply to one of our pings is taken, whatever it says: somebody has answered. A proxy that says that the phone does not is nobody.
    fileprivate func take(_ hook: UnsafePointer<apus_hook>) -> CInt {
        guard pointee.sendsRequests, let usrloc = pointee.usrloc else { return .true }
        let host = hook.pointee.host
        let message = Message(handle: hook.pointee.msg, api: host.pointee.message)
        guard let mark = PingMark(message.field(APUS_FIELD_FROM_TAG), prefix: prefix) else { return .true }
        let status = message.api.pointee.status(message.handle)
        if status != 408, status != 430, let table = usrloc.pointee.table_at(host, mark.table),
            usrloc.pointee.refresh_keepalive(host, table, mark.hash, mark.ruid, mark.roundTrip) > 0 || pointee.walksRows
        {
            host.bump(pointee.answered)
        }
        return .exit
    }

    fileprivate func enable(_ command: Command) -> CInt {
        guard pointee.settings.interval > 0 else { return command.fail(400, "natping_interval is 0: nobody is pinged") }
        let isActive: Int64 = command.number(0) != 0 ? 1 : 0
        if pointee.isActive.exchange(isActive, ordering: .relaxed) == 0, isActive != 0 {
            pointee.since.store(wallSeconds(), ordering: .relaxed)
        }
        return .true
    }
}
