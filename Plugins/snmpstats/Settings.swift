import PluginKit

// Invariants: written on the main thread, before `start`; only read afterwards.

/// The parameters.
struct Settings {
    /// Bits of EntityRole; 0: none was named.
    var roles: UInt8 = 0
    /// Bytes and dialogs; below 0: no alarm.
    var queueMinor: Int64 = -1
    var queueMajor: Int64 = -1
    var dialogMinor: Int64 = -1
    var dialogMajor: Int64 = -1
    var snmpgetPath = apus_str()
    var community = apus_str()
    var version = apus_str()
    var exportsRegistrar: Int64 = 1
    var socket = apus_str()
    var mibFamily = apus_str()
    var trapFamily = apus_str()
    /// Seconds.
    var alarmInterval: Int64 = 5
    var alarmRepeat: Int64 = 0

    /// Set once, in `declare`.
    nonisolated(unsafe) static var shared: UnsafeMutablePointer<Settings>?
}

/// Every parameter but `sipEntityType`: its default, its range and what it means stand here and nowhere else.
enum ParameterTable {
    private static let threshold = Int64(-1)...Int64(Int32.max)

    static var all: [Parameter<Settings>] { alarms + master + families }

    private static var alarms: [Parameter<Settings>] {
        [
            .number(
                "MsgQueueMinorThreshold", \.queueMinor, -1, threshold,
                doc: "Bytes waiting in the sockets' receive queues above which there is a minor alarm; -1: never."),
            .number(
                "MsgQueueMajorThreshold", \.queueMajor, -1, threshold,
                doc: "Bytes waiting in the sockets' receive queues above which there is a major alarm; -1: never."),
            .number(
                "dlg_minor_threshold", \.dialogMinor, -1, threshold,
                doc: "Active dialogs above which there is a minor alarm; -1: never."),
            .number(
                "dlg_major_threshold", \.dialogMajor, -1, threshold,
                doc: "Active dialogs above which there is a major alarm; -1: never."),
            .number("alarm_interval", \.alarmInterval, 5, 1...3600, doc: "Seconds between two looks at the alarms."),
            .number(
                "alarm_repeat", \.alarmRepeat, 0, 0...86400,
                doc: "Seconds after which the trap of an alarm that lasts is sent again; 0: never."),
        ]
    }

    private static var master: [Parameter<Settings>] {
        [
            .text(
                "agentx_socket", \.socket,
                doc: "Where the master agent listens: tcp:host:port, unix:/path; empty: as snmpstats.conf says."),
            .text("snmpgetPath", \.snmpgetPath, "/usr/local/bin/", doc: "Not used: no program is run."),
            .text("snmpCommunity", \.community, "public", doc: "Not used: the master agent tells its time by AgentX."),
            .text("snmpVersion", \.version, "3", doc: "Not used: the master agent tells its time by AgentX."),
            .flag("export_registrar", \.exportsRegistrar, 1, doc: "1: users and contacts are shown, 0: they are not."),
        ]
    }

    private static var families: [Parameter<Settings>] {
        [
            .text("mib_family", \.mibFamily, "both", doc: "Which MIBs are served: kamailio, openser or both."),
            .text("trap_family", \.trapFamily, "kamailio", doc: "Whose traps are sent: kamailio, openser or both."),
        ]
    }
}

/// Roles of a SIP entity, with their bits as BITS on the wire: the first is the top bit.
enum EntityRole: String, CaseIterable {
    case other, userAgent, proxyServer, redirectServer, registrarServer, edgeproxyServer, sipcaptureServer

    var bit: UInt8 { 0x80 >> UInt8(EntityRole.allCases.firstIndex(of: self) ?? 0) }

    static var words: String { allCases.map(\.rawValue).joined(separator: ", ") }
}

/// One line of `sipEntityType`.
let addRole: ParameterSetter = { host, value, user in
    guard let role = EntityRole(rawValue: value.pointee.str.string) else {
        host.log(.error, "`\(value.pointee.str.string)` is no role of a SIP entity: they are \(EntityRole.words)")
        return .false
    }
    user?.assumingMemoryBound(to: Settings.self).pointee.roles |= role.bit
    return .true
}
