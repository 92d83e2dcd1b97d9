import PluginKit

// Invariants: the State and its counters are written on the main thread before workers start, live for ever and are constant from then on.

/// A counter that `script_counter` names.
struct ScriptCounter {
    /// Empty: that of `script_cnt_grp_name`.
    let group: String
    let name: String
    let doc: String
    /// For `stats->bump`, from `start` on.
    var id: UInt32 = 0
}

/// What the module keeps for the life of the server: the `user` of its parameters and functions.
struct State {
    var group = apus_str()
    var counters: [UnsafeMutablePointer<ScriptCounter>] = []
}

/// Of this module; made as it is loaded.
nonisolated(unsafe) let state = permanent(State())

/// `script_counter`
let addCounter: ParameterSetter = { host, value, user in
    let state = user.unsafelyUnwrapped.assumingMemoryBound(to: State.self)
    var rest = value.pointee.str.trimmed
    let title = rest.next(0x20)?.string ?? ""
    let dot = title.firstIndex(of: ".")
    let group = dot.map { String(title[..<$0]) } ?? ""
    let name = dot.map { String(title[title.index(after: $0)...]) } ?? title
    guard !name.isEmpty, dot == nil || !group.isEmpty else {
        host.log(.error, "a counter is written `name`, `group.name` or `group.name what it counts`")
        return .false
    }
    let doc = rest.trimmed
    let counter = ScriptCounter(
        group: group, name: name, doc: doc.isEmpty ? "A counter of the script's." : doc.string)
    state.pointee.counters.append(permanent(counter))
    return .true
}

extension UnsafeMutablePointer<State> {
    /// [start] Makes the counters.
    func declareCounters(_ host: Host) -> CInt {
        for counter in pointee.counters {
            let group = counter.pointee.group.isEmpty ? pointee.group.string : counter.pointee.group
            counter.pointee.id = group.withCString { group in
                counter.pointee.name.withCString { name in
                    counter.pointee.doc.withCString { host.pointee.stats.pointee.add(host, group, name, $0) }
                }
            }
            guard counter.pointee.id != 0 else { return .false }
        }
        return .true
    }

    /// The counter of that name, with its group or without.
    func counter(_ text: String) -> UnsafeMutablePointer<ScriptCounter>? {
        let own = pointee.group.string
        return pointee.counters.first {
            let group = $0.pointee.group.isEmpty ? own : $0.pointee.group
            return text == "\(group).\($0.pointee.name)" || (text == $0.pointee.name && group == own)
        }
    }
}
