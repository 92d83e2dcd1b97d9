import PluginKit

// Invariants: what a name was prepared to is its ScriptCounter, which lives for ever.

/// Looks for the counter when the server starts.
let prepareName: Preparation = { host, index, text, prepared, complaint in
    guard index == 0 else { return .true }
    // The number of `cnt_add` needs no look.
    guard let counter = state.counter(text.string) else {
        return complaint.say(
            "there is no counter `\(text.string)`: modparam(\"counters\", \"script_counter\", \"name\") declares one")
    }
    prepared.pointee = UnsafeMutableRawPointer(counter)
    return .true
}

/// `cnt_inc("name")`
func increment(_ call: Call) -> CInt { bump(call, 1) }

/// `cnt_add("name", n)`
func add(_ call: Call) -> CInt { bump(call, call.int(1)) }

private func bump(_ call: Call, _ by: Int64) -> CInt {
    guard let counter = call.counter else { return .false }
    call.host.bump(counter.pointee.id, by: UInt64(bitPattern: by))
    return .true
}

/// `cnt_reset("name")`
func reset(_ call: Call) -> CInt {
    guard let counter = call.counter else { return .false }
    return call.host.pointee.stats.pointee.rebase(call.host, counter.pointee.id, 0)
}

extension UnsafePointer<apus_call> {
    fileprivate var counter: UnsafeMutablePointer<ScriptCounter>? {
        argument(0).prepared?.assumingMemoryBound(to: ScriptCounter.self)
    }
}
