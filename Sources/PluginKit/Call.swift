import PluginAPI

// Invariants: a Call and everything reached through it is valid until the function returns (apus/script.h); arguments are
// read by their place in the signature that the module declared itself, so a place is always in range.

/// One call of a function by a script: `apus_call` of the contract.
public typealias Call = UnsafePointer<apus_call>
extension UnsafePointer<apus_call> {
    @inlinable public var host: Host { pointee.host }
    @inlinable public var message: Message { Message(handle: pointee.msg, api: pointee.host.pointee.message) }

    @inlinable public func argument(_ index: Int) -> apus_arg { pointee.args.unsafelyUnwrapped[index] }

    /// Whether the optional argument was written.
    @inlinable public func has(_ index: Int) -> Bool { index < Int(pointee.count) && argument(index).given != 0 }

    /// Of kind int, flag or word.
    @inlinable public func int(_ index: Int) -> Int64 { argument(index).num }
    /// Of kind string, format, uri or word.
    @inlinable public func text(_ index: Int) -> apus_str { argument(index).str }

    /// A line in the log with file and line of the statement.
    public func log(_ level: LogLevel, _ text: apus_str) {
        pointee.host.pointee.log.pointee.at(self, level.rawValue, text)
    }

    /// An error in the log, and the function's answer: false.
    public func fail(_ text: apus_str) -> CInt {
        log(.error, text)
        return .false
    }

    /// The value of a `variable` or `writable` argument; nil when it is $null.
    public func value(_ index: Int) -> apus_value? {
        guard let variable = argument(index).variable else { return nil }
        var value = apus_value()
        return pointee.host.pointee.vars.pointee.get(self, variable, &value) > 0 ? value : nil
    }

    /// Assigns to a `writable` argument.
    public func set(_ index: Int, _ value: apus_value) -> CInt {
        guard let variable = argument(index).variable else { return .false }
        var value = value
        return pointee.host.pointee.vars.pointee.set(self, variable, &value)
    }

    /// The text of a template, expanded now; nil when it grew too long.
    public func expand(_ template: OpaquePointer?) -> apus_str? {
        guard let template else { return nil }
        var text = apus_str()
        return pointee.host.pointee.vars.pointee.expand(self, template, &text) > 0 ? text : nil
    }

    /// An empty text that can grow to `capacity` bytes and lives for the run; nil when the run's limit is reached.
    public func writer(_ capacity: Int) -> Writer? {
        pointee.host.pointee.script.pointee.allocate(self, capacity).map { Writer($0, capacity: capacity) }
    }
}

/// One reading or writing of a pseudo-variable: `apus_access` of the contract. Its `writer` is as the Call's.
public typealias Access = UnsafePointer<apus_access>
extension UnsafePointer<apus_access> {
    @inlinable public var host: Host { pointee.host }
    @inlinable public var message: Message { Message(handle: pointee.msg, api: pointee.host.pointee.message) }

    public func writer(_ capacity: Int) -> Writer? {
        pointee.host.pointee.vars.pointee.access_allocate(self, capacity).map { Writer($0, capacity: capacity) }
    }
}

extension UnsafeMutablePointer<apus_value> {
    /// A getter's answer.
    public func answer(_ text: apus_str) -> CInt {
        guard !text.isNull else { return .false }
        pointee = apus_value(text)
        return .true
    }
}
