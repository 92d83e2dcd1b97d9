import PluginKit

// Invariants: one Duration a parameter, for ever; written while the config is read, on the main thread, and by `settle` in `start`.

/// A time that `modparam` sets: what was written, and how to read it. SER's configs count seconds where Kamailio's count milliseconds; a
/// text with its unit ("10s", "2000ms") means the same everywhere.
struct Duration {
    enum Rule {
        /// SER: seconds; Kamailio: milliseconds; a config that says neither: seconds below the threshold.
        case byDialect(threshold: Int64)
        /// A parameter that only SER has: seconds, but milliseconds from the threshold on where the config does not say that it is one.
        case secondsOfSER(threshold: Int64)
        case milliseconds
    }

    let name: StaticString
    let rule: Rule
    /// Where the milliseconds go.
    let place: UnsafeMutablePointer<Int64>
    /// The number as written.
    var number: Int64 = 0
    /// Written with its unit: `number` is milliseconds.
    var isExact = false
    var isGiven = false

    init(_ name: StaticString, _ rule: Rule, _ place: UnsafeMutablePointer<Int64>) {
        self.name = name
        self.rule = rule
        self.place = place
    }

    /// Longest time that a timer is set to: ten days.
    static let longest: Int64 = 864_000_000

    /// "10s", "2000ms": milliseconds. Nil when the text is no time with its unit.
    static func milliseconds(_ text: apus_str) -> Int64? {
        var digits = text
        var unit: Int64 = 1
        if text.hasSuffix("ms") {
            digits = text[0..<text.len - 2]
        } else if text.hasSuffix("s") {
            digits = text[0..<text.len - 1]
            unit = 1000
        } else {
            return nil
        }
        guard let number = digits.trimmed.number, number >= 0, number <= longest / unit else { return nil }
        return number * unit
    }

    /// Takes what was written; false when it is no time.
    mutating func take(_ value: apus_value) -> Bool {
        if value.isInt {
            guard value.num >= 0, value.num <= Duration.longest else { return false }
            (number, isExact) = (value.num, false)
        } else {
            guard let milliseconds = Duration.milliseconds(value.str) else { return false }
            (number, isExact) = (milliseconds, true)
        }
        isGiven = true
        return true
    }

    /// What the number means in a config of this dialect (`APUS_DIALECT_…`), in milliseconds; and whether it was taken for seconds by its size.
    func reading(in dialect: UInt32) -> (milliseconds: Int64, isGuess: Bool) {
        if isExact { return (number, false) }
        switch rule {
        case .milliseconds: return (number, false)
        case .byDialect(let threshold):
            if dialect == UInt32(APUS_DIALECT_SER) { return (number * 1000, false) }
            if dialect == UInt32(APUS_DIALECT_KAMAILIO) { return (number, false) }
            return number < threshold ? (number * 1000, true) : (number, false)
        case .secondsOfSER(let threshold):
            if dialect != UInt32(APUS_DIALECT_ANY) || number < threshold { return (number * 1000, false) }
            return (number, false)
        }
    }
}

/// The setter of all durations; `user` is the Duration.
let setDuration: ParameterSetter = { host, value, user in
    let duration = user.unsafelyUnwrapped.assumingMemoryBound(to: Duration.self)
    guard duration.pointee.take(value.pointee) else {
        let isNumber = value.pointee.isInt
        host.log(
            .error,
            isNumber
                ? "a time is 0 or more, and at most ten days"
                : "a time is a number, or a text with its unit such as \"10s\" or \"2000ms\"")
        return .false
    }
    duration.pointee.remark(host)
    return .true
}

/// The milliseconds that a value of the config stands for; `user` is the Duration.
let readDuration: ParameterReading = { host, value, meant, user in
    var duration = user.unsafelyUnwrapped.assumingMemoryBound(to: Duration.self).pointee
    guard duration.take(value.pointee) else { return .false }
    meant.pointee.kind = UInt32(APUS_INT)
    meant.pointee.num = duration.reading(in: host.pointee.config.pointee.dialect(host)).milliseconds
    return .true
}

extension Duration {
    /// Tells how the time was read where it could have been meant otherwise.
    fileprivate func remark(_ host: Host) {
        let name = name.description
        if name == "delete_timer" {
            host.log(.notice, "delete_timer has no effect: a transaction is deleted as soon as nobody uses it")
        }
        guard name == "fr_timer" || name == "fr_inv_timer", number >= 200,
            reading(in: host.pointee.config.pointee.dialect(host)).isGuess
        else { return }
        host.log(
            .notice,
            "\(name) \(number) is read as \(number) seconds; write \"\(number)s\" or \"\(number)ms\" to be sure")
    }
}
