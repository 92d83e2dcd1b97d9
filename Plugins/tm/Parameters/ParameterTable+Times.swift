import PluginKit

// Invariants: as Parameters.swift.

/// Times, and numbers whose default depends on the config's dialect.
extension ParameterTable {
    static var times: [Parameter<Settings>] {
        let long = Duration.Rule.byDialect(threshold: 1000)
        let short = Duration.Rule.byDialect(threshold: 100)
        let ser = Duration.Rule.secondsOfSER(threshold: 100)
        return [
            time(
                "fr_timer", long, \.frTimer, 30_000, .whileRunning,
                doc:
                    "Final-response timer: of requests without final reply, INVITEs without any, negative replies without ACK."
            ),
            time(
                "fr_inv_timer", long, \.frInvTimer, 120_000, .whileRunning,
                doc: "Final-response timer of an INVITE branch after its first provisional reply; then it is cancelled."
            ),
            time(
                "wt_timer", long, \.wtTimer, 5_000, .whileRunning,
                doc: "How long a finished transaction stays to absorb late messages."),
            time(
                "delete_timer", long, \.deleteTimer, 2_000,
                doc: "Accepted; transactions here need no second attempt to be deleted."),
            time(
                "max_inv_lifetime", long, \.maxInvLifetime, 180_000, .whileRunning,
                doc: "Bound of an INVITE transaction's active life, whatever its other timers do."),
            time(
                "max_noninv_lifetime", long, \.maxNoninvLifetime, 32_000, .whileRunning,
                doc: "The same for other methods."),
            time(
                "retr_timer1", .milliseconds, \.retrTimer1, 500, .whileRunning, least: Settings.shortestRetransmission,
                doc: "First retransmission interval, ms; it doubles each time."),
            time(
                "retr_timer1p1", ser, \.retrTimer1p1, 0,
                doc: "First retransmission interval of SER's scheme: p1, p2, p3, then retr_timer2; seconds."),
            time(
                "retr_timer1p2", ser, \.retrTimer1p2, 0, doc: "Second interval of that scheme; default: twice p1."),
            time(
                "retr_timer1p3", ser, \.retrTimer1p3, 0, doc: "Third interval of that scheme; default: four times p1."),
            time(
                "retr_timer2", short, \.retrTimer2, 4_000, .whileRunning, least: Settings.shortestRetransmission,
                doc: "Largest retransmission interval."),
            time(
                "unix_tx_timeout", short, \.unixTxTimeout, 500, .whileRunning,
                doc: "After this time t_write_unix gives up."),
            .flag(
                "restart_fr_on_each_reply", \.restartFrOnEachReply, 1, .whileRunning,
                doc:
                    "1: each provisional reply restarts fr_inv_timer; 0: the first, and those of 180 and more that are higher than before."
            ),
        ]
    }

    /// - Parameters:
    ///   - initial: milliseconds.
    ///   - least: milliseconds, of a change while the server runs.
    private static func time(
        _ name: StaticString, _ rule: Duration.Rule, _ path: WritableKeyPath<Settings, Int64>, _ initial: Int64,
        _ time: Parameter<Settings>.Time = .atStart, least: Int64 = 0, doc: StaticString
    ) -> Parameter<Settings> {
        Parameter { host, settings, changed in
            guard let place = settings.pointer(to: path) else { return }
            place.pointee = initial
            let duration = permanent(Duration(name, rule, place))
            written.pointee.durations.append(duration)
            host.declare(
                ParameterDescription(name: name, kind: APUS_PARAM_EITHER, doc: doc), set: setDuration, user: duration,
                changed: time == .whileRunning ? changed : nil, inForce: UnsafeRawPointer(place),
                changes: least...Duration.longest, reading: readDuration)
        }
    }

    /// Numbers that have another default in SER's configs.
    static var choices: [Parameter<Settings>] {
        [
            choice(
                "noisy_ctimer", \.noisyCtimer, 0...1, \.noisyCtimer, .whileRunning,
                doc:
                    "1: an INVITE that times out is always answered 408; 0: dropped in silence when nobody needs the result."
            ),
            choice(
                "failure_reply_mode", \.failureReplyMode, 0...3, \.failureReplyMode, .atStart,
                doc:
                    "Replies of earlier legs after serial forking: 0 count, 1 none does, 2 the last leg's go, 3 all go."
            ),
        ]
    }

    private static func choice(
        _ name: StaticString, _ path: WritableKeyPath<Written, Written.Choice>, _ range: ClosedRange<Int64>,
        _ place: WritableKeyPath<Settings, Int64>, _ time: Parameter<Settings>.Time, doc: StaticString
    ) -> Parameter<Settings> {
        Parameter { host, settings, changed in
            guard let choice = written.pointer(to: path), let place = settings.pointer(to: place) else { return }
            host.declare(
                ParameterDescription(name: name, kind: APUS_PARAM_INT, doc: doc, range: range),
                set: { _, value, user in
                    let choice = user.unsafelyUnwrapped.assumingMemoryBound(to: Written.Choice.self)
                    choice.pointee.value = value.pointee.num
                    choice.pointee.isGiven = true
                    return .true
                }, user: choice, changed: time == .whileRunning ? changed : nil,
                inForce: UnsafeRawPointer(place),
                reading: { _, value, meant, _ in
                    meant.pointee = value.pointee
                    return .true
                })
        }
    }
}
