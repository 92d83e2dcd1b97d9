import PluginAPI

// Invariants: filled on the main thread before the workers start, constant afterwards.

/// The periodic timers that modules have declared.
struct ModuleTimers {
    struct Periodic {
        let host: UnsafePointer<apus_host>
        let milliseconds: UInt32
        /// On all workers, not on the first one only.
        let everywhere: Bool
        let tick: ModuleTimer.Tick
        let user: UnsafeMutableRawPointer?
    }

    static let shortest: UInt32 = 10

    private(set) var all: [Periodic] = []

    mutating func add(_ timer: Periodic) { all.append(timer) }
}

/// The group `timer`: apus/timer.h.
extension HostTables {
    static func makeTimer() -> apus_timer_api {
        apus_timer_api(
            size: size(apus_timer_api.self),
            every: { host, milliseconds, place, tick, user in
                host.declaring("timer->every", in: [.declaring, .starting]) {
                    (module, modules) throws(Registry.Refusal) in
                    guard milliseconds >= ModuleTimers.shortest else {
                        throw Registry.Refusal(
                            text: "an interval of \(milliseconds) ms is below \(ModuleTimers.shortest) ms")
                    }
                    let places = [Int(APUS_TIMER_EACH_WORKER), Int(APUS_TIMER_ONE_WORKER)]
                    guard places.contains(Int(place)) else {
                        throw Registry.Refusal(text: "`where` is \(place), neither each nor one worker")
                    }
                    guard unsafeBitCast(tick, to: UInt.self) != 0 else {
                        throw Registry.Refusal(text: "`tick` is null")
                    }
                    modules.shared.pointee.timers.add(
                        ModuleTimers.Periodic(
                            host: host, milliseconds: milliseconds, everywhere: Int(place) == places[0], tick: tick,
                            user: user))
                    return CInt(APUS_TRUE)
                }
            },
            after: { host, milliseconds, tick, user in
                guard let worker = host.shared.worker else { return 0 }
                return worker.startTimer(host, milliseconds: milliseconds, interval: 0, tick, user)
            },
            cancel: { host, id in
                guard let worker = host.shared.worker else { return CInt(APUS_FALSE) }
                return HostTables.answer(worker.cancelTimer(id))
            },
            now: { _ in Worker.current?.pointee.clock.now ?? Syscalls.monotonicNanoseconds() / 1_000_000 },
            prepare: { host, timer, fire in EmbeddedTimer.prepare(host, timer, fire) },
            arm: { host, timer, milliseconds in EmbeddedTimer.arm(host, timer, milliseconds: milliseconds) },
            disarm: { host, timer in EmbeddedTimer.disarm(host, timer) })
    }
}
