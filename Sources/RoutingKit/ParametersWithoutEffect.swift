import PluginKit

// Invariants: what is noted of a parameter is made in `declare` and lives for ever.

/// A parameter that is accepted without effect, and what is said of it when it asks for something else than what is done.
private struct Fixed {
    let name: StaticString
    /// The value that asks for what is done anyway; nil: none does.
    let value: Int64?
    let notice: String
}

private let takeFixed: ParameterSetter = { host, value, user in
    let fixed = user.unsafelyUnwrapped.assumingMemoryBound(to: Fixed.self)
    if !value.pointee.isInt || value.pointee.num != fixed.pointee.value {
        host.log(.notice, "\(fixed.pointee.name) has no effect: \(fixed.pointee.notice)")
    }
    return .true
}

extension UnsafePointer<apus_host> {
    /// In `declare`: a parameter that configs have and that has nothing to change here.
    /// - Parameters:
    ///   - kind: `APUS_PARAM_…`
    ///   - value: what asks for nothing else than what is done; nil: there is none.
    ///   - notice: why it has no effect, for the log.
    public func parameter(
        withoutEffect name: StaticString, _ kind: Int, _ value: Int64?, _ notice: String, doc: StaticString
    ) {
        parameter(
            name, kind: kind, flags: 0, user: permanent(Fixed(name: name, value: value, notice: notice)), doc: doc,
            set: takeFixed)
    }
}
