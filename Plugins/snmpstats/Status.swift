import Glibc
import PluginKit
import Synchronization

/// What operators are shown of the agent; written on its thread, read on the management thread.
struct Status {
    struct AlarmState {
        let name: String
        /// When it was looked at last.
        var value: Int64?
        var minor: String
        var major: String
    }

    var master = ""
    var isConnected = false
    /// Seconds since 1970: when that began.
    var since = Int64(time(nil))
    var registrations = 0
    var requests: UInt64 = 0
    var sets: UInt64 = 0
    var notifications: UInt64 = 0
    var dropped: UInt64 = 0
    var missed: UInt64 = 0
    var alarms: [AlarmState] = []

    static let shared = Mutex(Status())
}

/// `snmpstats.status`
let showStatus: @convention(c) (Command) -> CInt = { command in
    let status = Status.shared.withLock { $0 }
    command.map {
        command.add("master", text: status.master)
        command.add("state", status.isConnected ? "connected" : "connecting")
        command.add("since", status.since)
        command.add("registrations", Int64(status.isConnected ? status.registrations : 0))
        command.add("requests", Int64(clamping: status.requests))
        command.add("sets", Int64(clamping: status.sets))
        command.add("notifications", Int64(clamping: status.notifications))
        command.add("dropped", Int64(clamping: status.dropped))
        command.add("missed", Int64(clamping: status.missed))
        command.array("alarms") {
            for alarm in status.alarms {
                command.map {
                    command.add("alarm", text: alarm.name)
                    if let value = alarm.value { command.add("value", value) }
                    command.add("minor", text: alarm.minor)
                    command.add("major", text: alarm.major)
                }
            }
        }
    }
    return .true
}
