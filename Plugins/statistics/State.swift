import PluginKit

// Invariants: variables are made on the main thread before workers start, live for ever and are constant from then on; their names end with a NUL.

/// A statistic that the parameter `variable` names.
struct Variable {
    let name: apus_str
    /// `/no_reset`
    let stays: Bool
    let next: UnsafeMutablePointer<Variable>?
    /// For `stats->bump`, from `start` on.
    var id: UInt32 = 0
}

/// What the module keeps for the life of the server.
struct State {
    /// The last one first.
    var variables: UnsafeMutablePointer<Variable>?
}

/// Of this module; made as it is loaded.
nonisolated(unsafe) let state = permanent(State())

/// `variable`
let addVariable: ParameterSetter = { host, value, user in
    let state = user.unsafelyUnwrapped.assumingMemoryBound(to: State.self)
    var rest = value.pointee.str.trimmed
    let name = rest.next(0x2f) ?? ""
    guard !name.isEmpty, rest.isEmpty || rest.equals("no_reset") else {
        host.log(.error, "a statistic is written `name` or `name/no_reset`")
        return .false
    }
    let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: name.len + 1)
    for (index, byte) in name.bytes.enumerated() { (copy + index).initialize(to: byte) }
    (copy + name.len).initialize(to: 0)
    state.pointee.variables = permanent(
        Variable(
            name: apus_str(start: copy, count: name.len), stays: !rest.isEmpty, next: state.pointee.variables))
    return .true
}

extension UnsafeMutablePointer<State> {
    /// [start] Makes the statistics.
    func declareVariables(_ host: Host) -> CInt {
        let doc: StaticString = "A statistic of the script's."
        let docText = UnsafeRawPointer(doc.utf8Start).assumingMemoryBound(to: CChar.self)
        var next = pointee.variables
        while let variable = next {
            next = variable.pointee.next
            guard let name = variable.pointee.name.s else { return .false }
            let add = variable.pointee.stays ? host.pointee.stats.pointee.add_level : host.pointee.stats.pointee.add
            variable.pointee.id = add(host, "script", name, docText)
            guard variable.pointee.id != 0 else { return .false }
        }
        return .true
    }

    /// The statistic of that name.
    func variable(_ name: apus_str) -> UnsafeMutablePointer<Variable>? {
        var next = pointee.variables
        while let variable = next {
            if variable.pointee.name.equals(name) { return variable }
            next = variable.pointee.next
        }
        return nil
    }
}
