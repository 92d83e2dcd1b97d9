import PluginAPI

// Invariants: a Call and everything reached through it is valid until the function returns (apus/script.h); arguments are
// read by their place in the signature that the module declared itself, so a place is always in range.

/// One call of a function by a script: `apus_call` of the contract.
public typealias Call = UnsafePointer<apus_call>

extension UnsafePointer<apus_call> {
    @inlinable
    public var host: Host { pointee.host }

    @inlinable
    public var message: Message { Message(handle: pointee.msg, api: pointee.host.pointee.message) }

    @inlinable
    public func argument(_ index: Int) -> apus_arg { pointee.args![index] }

    /// Whether the optional argument was written.
    @inlinable
    public func has(_ index: Int) -> Bool { index < Int(pointee.count) && pointee.args![index].given != 0 }

    /// Of kind int, flag or word.
    @inlinable
    public func int(_ index: Int) -> Int64 { pointee.args![index].num }

    /// Of kind string, format, uri or word.
    @inlinable
    public func text(_ index: Int) -> apus_str { pointee.args![index].str }

    /// A line in the log with file and line of the statement.
    @inlinable
    public func log(_ level: LogLevel, _ text: apus_str) {
        pointee.host.pointee.log.pointee.at(self, level.rawValue, text)
    }

    /// The same from static text.
    @inlinable
    public func log(_ level: LogLevel, _ text: StaticString) { log(level, apus_str(text)) }

    /// The value of a `variable` or `writable` argument; nil when it is $null.
    public func value(_ index: Int) -> apus_value? {
        guard let variable = pointee.args![index].variable else { return nil }
        var value = apus_value()
        return pointee.host.pointee.vars.pointee.get(self, variable, &value) > 0 ? value : nil
    }

    /// Assigns to a `writable` argument.
    public func set(_ index: Int, _ value: apus_value) -> CInt {
        guard let variable = pointee.args![index].variable else { return .false }
        var value = value
        return pointee.host.pointee.vars.pointee.set(self, variable, &value)
    }

    /// The text of a `template` argument, expanded now; nil when it grew too long.
    public func expand(_ index: Int) -> apus_str? {
        guard let template = pointee.args![index].text else { return nil }
        var text = apus_str()
        return pointee.host.pointee.vars.pointee.expand(self, template, &text) > 0 ? text : nil
    }

    /// Memory for the rest of the run; nil when its limit is reached.
    public func allocate(_ size: Int) -> UnsafeMutablePointer<UInt8>? {
        pointee.host.pointee.script.pointee.allocate(self, size)?.assumingMemoryBound(to: UInt8.self)
    }
}

/// One reading or writing of a pseudo-variable: `apus_access` of the contract.
public typealias Access = UnsafePointer<apus_access>

extension UnsafePointer<apus_access> {
    @inlinable
    public var host: Host { pointee.host }

    @inlinable
    public var message: Message { Message(handle: pointee.msg, api: pointee.host.pointee.message) }

    /// Memory for the value's text; nil when the run's limit is reached.
    public func allocate(_ size: Int) -> UnsafeMutablePointer<UInt8>? {
        pointee.host.pointee.vars.pointee.access_allocate(self, size)?.assumingMemoryBound(to: UInt8.self)
    }
}
