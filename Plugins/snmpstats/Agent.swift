import CNetSNMP
import Glibc
import PluginKit

// Invariants: made in `start`, on the main thread; everything else on the agent's own thread, but for `end`, which touches the pipe's end
// `waker` alone. It lives for ever.

/// The AgentX sub-agent: one thread, on which Net-SNMP's library lives.
final class Agent: @unchecked Sendable {
    let host: Host
    private let settings: Settings
    private let families: [Family]
    private let trapFamilies: [Family]
    private let users: Users?
    private let handler: Handler
    private let queue: Alarm
    private let dialogs: Alarm
    private let startTime: StartTime
    /// A pipe's ends: to be read here, to be written by whoever ends the thread.
    private let (wakeup, waker) = Pipe.make()

    /// The library's session to the master agent, while there is one.
    var session: UnsafeMutablePointer<netsnmp_session>?
    private var masters = MasterAddress.usual
    /// Of a master's name, while it takes longer than an attempt.
    private var lookup: NameLookup?
    private var pingInterval: UInt64 = 15
    private var wasConnected = false
    /// Attempts since there was a connection, and when the next one is due; of the monotonic clock, as all times here in milliseconds.
    private var attempts = 0
    private var nextAttempt: UInt64 = 0
    private var nextPing: UInt64 = 0
    private var nextLook: UInt64 = 0
    /// The last reason was logged.
    private var isToldDown = false
    private var notifications: UInt64 = 0
    private var dropped: UInt64 = 0

    /// Milliseconds for a name's address, and for a connection to come.
    private static let patience: Int32 = 3000
    /// Seconds between attempts.
    private static let pauses: [UInt64] = [1, 2, 4, 8, 15]

    /// When the server started by the master agent's clock; 0 as long as that is not known.
    final class StartTime {
        var ticks: UInt32 = 0
    }

    /// [start] Nil with a reason in the log.
    init?(_ host: Host, _ settings: Settings) {
        guard let families = Family.named(settings.mibFamily), let traps = Family.named(settings.trapFamily) else {
            host.log(.error, "mib_family and trap_family are kamailio, openser or both")
            return nil
        }
        if !settings.socket.isEmpty {
            guard let master = MasterAddress(settings.socket.string) else {
                host.log(.error, "agentx_socket: `\(settings.socket.string)` is neither tcp:host:port nor unix:/path")
                return nil
            }
            masters = [master]
        }
        self.host = host
        self.settings = settings
        self.families = families
        trapFamilies = traps
        let facts = Facts(host, settings)
        let ports = Ports(host)
        users = settings.exportsRegistrar != 0 ? Users(host) : nil
        let depth = QueueDepth(ports)
        queue = Alarm(
            "queue", minor: Alarm.Level(threshold: settings.queueMinor, notification: 1),
            major: Alarm.Level(threshold: settings.queueMajor, notification: 2), valueObject: Objects.queue + [1, 0]
        ) { depth.bytes }
        // Without dialogs there is nothing to watch.
        let hasDialogs = facts.dialogs != nil
        dialogs = Alarm(
            "dialogs", minor: Alarm.Level(threshold: settings.dialogMinor, notification: 3),
            major: Alarm.Level(threshold: settings.dialogMajor, notification: 4),
            valueObject: Objects.dialogs + [1, 0]
        ) { hasDialogs ? Int64(clamping: facts.dialogCounts.active) : 0 }
        let startTime = StartTime()
        self.startTime = startTime
        handler = Handler(
            Agent.tree(facts, ports, users, queue: queue, dialogs: dialogs, startTime: { startTime.ticks }), users)
    }

    /// Everything that is answered.
    private static func tree(
        _ facts: Facts, _ ports: Ports, _ users: Users?, queue: Alarm, dialogs: Alarm,
        startTime: @escaping () -> UInt32
    ) -> Tree {
        let lookups = LookupTable(facts.host, users)
        var objects = Objects(facts)
        objects.addCommon(startTime: startTime)
        objects.addServer()
        objects.add([3, 1, 2, 1, 5, 8]) { _ in .counter(lookups.nextNumber()) }  // SIPRegUserLookupCounter
        objects.addOwn(queue: queue, dialogs: dialogs)
        objects.addNet()
        let methods = SIPMethod.supported(facts)
        var tables: [any Table] = [
            PortTable(ports), MethodTable(methods), MethodCountsTable.requests(facts, methods),
            StatusCodesTable(facts.host), MethodCountsTable.retries(facts, methods), lookups,
        ]
        if let users { tables += [UserTable(users), ContactTable(users)] as [any Table] }
        if let source = facts.dialogs { tables.append(DialogTable(facts.host, source)) }
        return Tree(scalars: objects.all, tables: tables)
    }

    // MARK: - Its thread

    func run() {
        Handler.shared = handler
        let config = Library.start(host) {
            let registrations = Handler.register(families)
            Status.shared.withLock { $0.registrations = registrations }
        }
        Library.follow(self)
        pingInterval = config.pingInterval
        if settings.socket.isEmpty, let socket = config.socket { take(socket) }
        Status.shared.withLock { $0.master = masters[0].text }
        while !isEnding { turn() }
    }

    /// The master agent's place as the config file has it.
    private func take(_ socket: String) {
        if let master = MasterAddress(socket) {
            masters = [master]
        } else {
            host.log(.warning, "snmpstats.conf: agentXSocket `\(socket)` is neither tcp:host:port nor unix:/path")
        }
    }

    private func turn() {
        let now = host.pointee.timer.pointee.now(host)
        users?.readOn()
        if session == nil, wasConnected { lost() }
        if session == nil, now >= nextAttempt, users?.isReady ?? true { connect(now) }
        if session != nil, now >= nextPing { ping() }
        if now >= nextLook {
            look(now)
            nextLook = now + UInt64(settings.alarmInterval) * 1000
        }
        report()
        let due = min(nextLook, session == nil ? nextAttempt : nextPing)
        let later = host.pointee.timer.pointee.now(host)
        let pause = due > later && users?.isBehind != true ? CInt(clamping: due - later) : 0
        let awake = snmp_turn(pause, wakeup, users?.bell ?? -1)
        isEnding = awake & 1 != 0
        if awake & 2 != 0 { users?.answerBell() }
    }

    // MARK: - The end

    private var isEnding = false

    /// [main] The thread comes to its end.
    func end() {
        var byte: UInt8 = 1
        _ = write(waker, &byte, 1)
        Connection.breakOff()
    }

    // MARK: - The connection

    private func connect(_ now: UInt64) {
        nextAttempt = now + Agent.pauses[min(attempts, Agent.pauses.count - 1)] * 1000
        attempts += 1
        var reason = ""
        for master in masters {
            do throws(ConnectFailure) {
                Connection.waiting = try master.connect(milliseconds: Agent.patience, wakeup: wakeup, &lookup)
            } catch {
                reason = reason.isEmpty ? error.text : reason
                continue
            }
            if subagent_open_master_session() == 0, session != nil { return connected(to: master) }
            Connection.forget()
            reason = "it does not speak AgentX"
        }
        if !isToldDown {
            let places = masters.map(\.text).joined(separator: ", ")
            host.log(.warning, "no master agent at \(places): \(reason); it is tried again and again")
        }
        isToldDown = true
    }

    private func connected(to master: MasterAddress) {
        let uptime = netsnmp_get_agent_uptime()
        let own = (host.pointee.timer.pointee.now(host) - began) / 10
        startTime.ticks = UInt32(truncatingIfNeeded: UInt64(uptime) > own ? UInt64(uptime) - own : 0)
        register_mib_reattach()
        guard session != nil else { return }
        wasConnected = true
        isToldDown = false
        attempts = 0
        nextPing = host.pointee.timer.pointee.now(host) + pingInterval * 1000
        host.log(.notice, "connected to the master agent at \(master.text)")
        Status.shared.withLock {
            $0.master = master.text
            $0.isConnected = true
            $0.since = Int64(time(nil))
        }
        // What lasts is told to whoever has come.
        queue.forget()
        dialogs.forget()
        nextLook = 0
    }

    private func lost() {
        wasConnected = false
        isToldDown = true
        nextAttempt = 0
        attempts = 0
        host.log(.warning, "the connection to the master agent is lost; it is tried again and again")
        Status.shared.withLock {
            $0.isConnected = false
            $0.since = Int64(time(nil))
        }
    }

    /// A master agent that does not answer is gone: the library says so itself, then.
    private func ping() {
        agentx_check_session(0, session)
        nextPing = host.pointee.timer.pointee.now(host) + pingInterval * 1000
    }

    /// When the module was started.
    private lazy var began: UInt64 = host.pointee.timer.pointee.now(host)

    /// [start] Notes the time.
    func begin() { _ = began }

    // MARK: - Alarms

    private func look(_ now: UInt64) {
        for alarm in [queue, dialogs] where alarm.isWatched {
            let (value, told) = alarm.look(now: now / 1000, repeats: UInt64(settings.alarmRepeat))
            for level in told { tell(alarm, level, value) }
        }
        let alarms = [queue, dialogs].map { alarm in
            func state(_ level: Alarm.Level) -> String {
                level.threshold == nil ? "off" : level.isRaised ? "raised" : "clear"
            }
            return Status.AlarmState(
                name: alarm.name, value: alarm.lastValue, minor: state(alarm.minor), major: state(alarm.major))
        }
        Status.shared.withLock { $0.alarms = alarms }
    }

    private func tell(_ alarm: Alarm, _ level: Alarm.Level, _ value: Int64) {
        guard session != nil else {
            dropped += 1
            return
        }
        let isMinor = level.notification % 2 == 1
        let thresholds = Path(alarm.valueObject.dropLast(2))
        let number = alarm === queue ? UInt32(isMinor ? 2 : 3) : UInt32(isMinor ? 5 : 6)
        let notification = Notification(
            path: [3, 1, 3, 2, 0, level.notification],
            objects: [
                (alarm.valueObject, .gauge(stopping: value)),
                (thresholds + [number, 0], .integer(stopping: level.threshold ?? -1)),
            ])
        for family in trapFamilies {
            notification.send(family)
            notifications += 1
        }
    }

    /// For operators.
    private func report() {
        Status.shared.withLock {
            $0.requests = handler.requests
            $0.sets = handler.sets
            $0.notifications = notifications
            $0.dropped = dropped
            $0.missed = users?.lost ?? 0
        }
    }
}

/// [start]
func startAgent(_ host: Host) -> CInt {
    guard let settings = Settings.shared?.pointee, let agent = Agent(host, settings) else { return .false }
    agent.begin()
    warn(host, settings)
    let user = Unmanaged.passRetained(agent).toOpaque()
    return host.pointee.offload.pointee.thread(
        host, "apus/snmp",
        { _, user in Unmanaged<Agent>.fromOpaque(user.unsafelyUnwrapped).takeUnretainedValue().run() },
        { _, user in Unmanaged<Agent>.fromOpaque(user.unsafelyUnwrapped).takeUnretainedValue().end() }, user)
}

/// What the config says and what does not come of it.
private func warn(_ host: Host, _ settings: Settings) {
    let unused = [
        ("snmpgetPath", settings.snmpgetPath.equals("/usr/local/bin/")),
        ("snmpCommunity", settings.community.equals("public")), ("snmpVersion", settings.version.equals("3")),
    ].filter { !$0.1 }.map(\.0)
    if !unused.isEmpty {
        let names = unused.joined(separator: ", ")
        host.log(
            .notice,
            """
            \(names): without effect. They were for asking the master agent for its sysUpTime by SNMP, which it tells by AgentX when the\
             server connects: no program is run, and no community is needed
            """)
    }
    for (name, minor, major) in [
        ("MsgQueue", settings.queueMinor, settings.queueMajor), ("dlg", settings.dialogMinor, settings.dialogMajor),
    ] where minor >= 0 && major >= 0 && major < minor {
        host.log(.warning, "\(name): the major threshold \(major) is below the minor one, \(minor)")
    }
}
