/// A number that should not grow too large, with two thresholds. Agent thread only, but for its thresholds, which never change.
final class Alarm {
    /// One of the two. They are independent: what is above the major threshold is above the minor one, too.
    struct Level {
        /// Nil: there is no such alarm.
        let threshold: Int64?
        /// Whose notification it is, below `…MIBNotifications`.
        let notification: UInt32
        fileprivate(set) var isRaised = false
        /// Seconds of the monotonic clock.
        fileprivate var told: UInt64 = 0

        init(threshold: Int64, notification: UInt32) {
            self.threshold = threshold < 0 ? nil : threshold
            self.notification = notification
        }

        func isAbove(_ value: Int64) -> Bool { threshold.map { value > $0 } ?? false }
    }

    /// For operators: "queue", "dialogs".
    let name: String
    /// As it is now.
    let value: () -> Int64
    /// Objects that a notification shows: the value, and the thresholds.
    let valueObject: Path
    private(set) var minor: Level
    private(set) var major: Level
    /// When it was looked at last; nil: nobody watches.
    private(set) var lastValue: Int64?

    init(
        _ name: String, minor: Level, major: Level, valueObject: Path, value: @escaping () -> Int64
    ) {
        self.name = name
        self.minor = minor
        self.major = major
        self.valueObject = valueObject
        self.value = value
    }

    var isWatched: Bool { minor.threshold != nil || major.threshold != nil }

    /// Looks at the value.
    /// - Parameters:
    ///   - now: seconds of the monotonic clock.
    ///   - repeats: seconds after which an alarm that lasts is told again; 0: never.
    /// - Returns: of which levels to tell, and the value.
    func look(now: UInt64, repeats: UInt64) -> (value: Int64, told: [Level]) {
        let value = value()
        lastValue = value
        var told: [Level] = []
        Alarm.look(&minor, value, now, repeats, &told)
        Alarm.look(&major, value, now, repeats, &told)
        return (value, told)
    }

    private static func look(
        _ level: inout Level, _ value: Int64, _ now: UInt64, _ repeats: UInt64, _ told: inout [Level]
    ) {
        guard level.isAbove(value) else {
            level.isRaised = false
            return
        }
        guard !level.isRaised || (repeats > 0 && now - level.told >= repeats) else { return }
        level.isRaised = true
        level.told = now
        told.append(level)
    }

    /// From now on nobody was told of anything: what lasts is told again.
    func forget() {
        minor.isRaised = false
        major.isRaised = false
    }
}
