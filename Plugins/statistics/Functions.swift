import PluginKit

// Invariants: what a constant name was prepared to is its Variable, which lives for ever; `user` is the State.

/// Looks for the statistic when the server starts, and at the change.
let prepareArgument: Preparation = { host, index, text, prepared, complaint in
    if index == 1 { return Change(text) == nil ? complaint.say("a change is written \"+n\", \"-n\" or \"n\"") : .true }
    guard let variable = state.variable(text) else {
        return complaint.say(
            "there is no statistic `\(text.string)`: modparam(\"statistics\", \"variable\", \"name\") declares one")
    }
    prepared.pointee = UnsafeMutableRawPointer(variable)
    return .true
}

/// What `update_stat` is to do.
private enum Change {
    case add(Int64)
    case set(Int64)

    init?(_ text: apus_str) {
        guard let number = text.number else { return nil }
        self = text[0] == 0x2b || text[0] == 0x2d ? .add(number) : .set(number)
    }
}

/// `update_stat("name", "+1")`
func update(_ call: Call) -> CInt {
    guard let variable = call.variable else { return call.fail("there is no statistic of that name") }
    switch Change(call.text(1)) {
    case .add(let number): call.host.bump(variable.pointee.id, by: UInt64(bitPattern: number))
    case .set(let number): return call.host.pointee.stats.pointee.rebase(call.host, variable.pointee.id, number)
    case nil: return call.fail("a change is written \"+n\", \"-n\" or \"n\"")
    }
    return .true
}

/// `reset_stat("name")`
func reset(_ call: Call) -> CInt {
    guard let variable = call.variable else { return call.fail("there is no statistic of that name") }
    return call.host.pointee.stats.pointee.rebase(call.host, variable.pointee.id, 0)
}

extension UnsafePointer<apus_call> {
    fileprivate var variable: UnsafeMutablePointer<Variable>? {
        if let prepared = argument(0).prepared { return prepared.assumingMemoryBound(to: Variable.self) }
        return pointee.user?.assumingMemoryBound(to: State.self).variable(text(0))
    }
}
