import PluginKit

/// What the MIB of the server itself has once: queue, dialogs, memory, version.
extension Objects {
    /// `…Objects`, below which everything of this MIB stands.
    static let own: Path = [3, 1, 3, 1]
    static let queue = own + [2, 3]
    static let dialogs = own + [3, 2]

    mutating func addOwn(queue: Alarm, dialogs: Alarm) {
        add(Objects.queue + [1]) { _ in .gauge(stopping: queue.value()) }  // MsgQueueDepth
        addAlarm(queue, thresholds: Objects.queue + [2], Objects.queue + [3], states: Objects.own + [2, 4])
        addDialogs(dialogs)
        addMemory()
        addVersion()
    }

    /// Thresholds, and how it stands: …AlarmStatus, …MinorAlarm, …MajorAlarm.
    private mutating func addAlarm(_ alarm: Alarm, thresholds minor: Path, _ major: Path, states: Path) {
        constant(minor, .integer(stopping: alarm.minor.threshold ?? -1))
        constant(major, .integer(stopping: alarm.major.threshold ?? -1))
        add(states + [1]) { _ in
            let value = alarm.value()
            return .octets([(alarm.minor.isAbove(value) ? 0x10 : 0) | (alarm.major.isAbove(value) ? 0x20 : 0)])
        }
        add(states + [2]) { _ in .integer(alarm.minor.isAbove(alarm.value()) ? 3 : 0) }
        add(states + [3]) { _ in .integer(alarm.major.isAbove(alarm.value()) ? 2 : 0) }
    }

    private mutating func addDialogs(_ alarm: Alarm) {
        let stats = Objects.dialogs
        add(stats + [1]) { .gauge(UInt32(clamping: $0.dialogCounts.active)) }  // CurNumDialogs
        add(stats + [2]) {  // CurNumDialogsInProgress
            let counts = $0.dialogCounts
            return .gauge(counts.active > counts.early ? UInt32(clamping: counts.active - counts.early) : 0)
        }
        add(stats + [3]) { .gauge(UInt32(clamping: $0.dialogCounts.early)) }  // CurNumDialogsInSetup
        add(stats + [4]) { .counter(wrapping: $0.dialogCounts.failed) }  // TotalNumFailedDialogSetups
        addAlarm(alarm, thresholds: stats + [5], stats + [6], states: Objects.own + [3, 4])
        add(stats + [7]) { .counter(wrapping: $0.dialogCounts.processed) }  // TotalNumDialogSetups
        // DialogUsageState: idle(0), active(1), busy(2)
        add(Objects.own + [3, 3, 1]) { facts in
            let active = Int64(clamping: facts.dialogCounts.active)
            return .integer(active == 0 ? 0 : alarm.major.isAbove(active) ? 2 : 1)
        }
    }

    private mutating func addMemory() {
        let memory = Objects.own + [1, 1]
        let limit = Memory.limit
        constant(memory + [1], .gauge(UInt32(clamping: limit)))  // SrvMaxMemory
        // SrvFreeMemory
        add(memory + [2]) { _ in .gauge(UInt32(clamping: limit > Memory.used ? limit - Memory.used : 0)) }
        gauge(memory + [3], "shmem", "max_used_size")  // SrvMaxUsed
        add(memory + [4]) { _ in .gauge(UInt32(clamping: Memory.used)) }  // SrvRealUsed
        constant(memory + [5], .gauge(0))  // SrvMemFragments
    }

    private mutating func addVersion() {
        let server = facts.server
        let texts = [
            server.full, server.name, server.version, server.architecture, server.system, server.revision,
            server.built, server.compiler, server.flags,
        ]
        for (number, text) in texts.enumerated() {
            constant(Objects.own + [1, 2, UInt32(number) + 1], .octets(Array(text.bytes.prefix(255))))
        }
    }
}
