import PluginKit

private let module = Module(
    "dlgs", version: "1.0", summary: "Calls, followed without transactions: how many there are, and whose",
    start: { host in
        state.pointee.dialogs = DialogTable(
            bits: Int(min(state.pointee.hashBits, 14)), most: Int(state.pointee.mostCalls))
        return .true
    },
    stop: { _ in state.pointee.dialogs.end() },
    declare: { host in
        makeState()
        host.declare(State.parameters, in: state)
        declareFunctions(host)
        declareCommands(host)
        let refused = host.pointee.timer.pointee.every(
            host, State.tick, UInt32(APUS_TIMER_ONE_WORKER), { _ in expire() }, nil)
        if refused <= 0 { host.log(.error, "calls whose time is over cannot be taken away") }
    })

@c(apus_module_dlgs)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }

/// Looks at the next few stripes: at all of them once in `timer_interval`.
private func expire() {
    let own = state.pointee
    let ticks = max(1, Int(own.interval) * 1000 / Int(State.tick))
    let share = (own.dialogs.stripeCount + ticks - 1) / ticks
    let lifetimes = DialogTable.Lifetimes(
        begun: own.beginLifetime, active: own.activeLifetime, over: own.endLifetime)
    let time = now()
    for _ in 0..<share {
        own.dialogs.expire(state.pointee.nextStripe, lifetimes, time)
        state.pointee.nextStripe = (state.pointee.nextStripe + 1) % own.dialogs.stripeCount
    }
}
