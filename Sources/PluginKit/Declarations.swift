import PluginAPI

// Invariants: the host copies every description before it returns, except for the texts, which are static here.

/// See `apus_function.prepare`: host, place of the argument, its text, where the result goes, where a complaint goes.
public typealias Preparation =
    @convention(c) (
        Host, UInt32, apus_str, UnsafeMutablePointer<UnsafeMutableRawPointer?>, UnsafeMutablePointer<apus_complaint>
    ) -> CInt

/// See `apus_parameter.set`.
public typealias ParameterSetter =
    @convention(c) (Host, UnsafePointer<apus_value>, UnsafeMutableRawPointer?) -> CInt

/// See `apus_parameter.changed`: host, where the value in force stood at the start, the new value, user.
public typealias ParameterChange =
    @convention(c) (Host, UnsafeRawPointer, UnsafePointer<apus_value>, UnsafeMutableRawPointer?) -> Void

/// See `apus_parameter.reading`: host, a value of the config, where the value in force that it stands for goes, user.
public typealias ParameterReading =
    @convention(c) (Host, UnsafePointer<apus_value>, UnsafeMutablePointer<apus_value>, UnsafeMutableRawPointer?) -> CInt

/// What a parameter can be stored in.
public protocol ParameterValue { static var parameterKind: Int { get } }
extension Int64: ParameterValue { public static var parameterKind: Int { APUS_PARAM_INT } }
extension apus_str: ParameterValue { public static var parameterKind: Int { APUS_PARAM_STRING } }

/// Declaring, in the module's `declare`. A refusal makes it fail.
extension UnsafePointer<apus_host> {
    /// A function for scripts; the kinds of arguments stand in apus/script.h, `routes` are `APUS_…_ROUTE`.
    public func function(
        _ name: StaticString, _ arguments: StaticString = "", routes: Int = APUS_ANY_ROUTE, flags: Int = 0,
        doc: StaticString, user: UnsafeMutableRawPointer? = nil, prepare: Preparation? = nil,
        call: @escaping @convention(c) (Call) -> CInt
    ) {
        var f = apus_function(
            size: UInt32(MemoryLayout<apus_function>.size), routes: UInt32(routes), flags: UInt32(flags), reserved: 0,
            name: name.cString, args: arguments.cString, doc: doc.cString, call: call, prepare: prepare, user: user)
        note(pointee.script.pointee.add_function(self, &f))
    }

    /// A number or a text that `modparam` sets before `start`; texts live for ever. Units belong in the doc.
    public func parameter<Value: ParameterValue>(
        _ name: StaticString, into place: UnsafeMutablePointer<Value>, initial: StaticString? = nil,
        range: ClosedRange<Int64> = 0...0, doc: StaticString, changed: ParameterChange? = nil
    ) {
        let description = ParameterDescription(name: name, kind: Value.parameterKind, doc: doc, range: range)
        declare(description, initial: initial?.cString, into: place, changed: changed)
    }

    /// A parameter that is handed over, value by value, as the config is read; `kind` is `APUS_PARAM_…`.
    public func parameter(
        _ name: StaticString, kind: Int = APUS_PARAM_STRING, flags: Int = APUS_REPEATABLE,
        user: UnsafeMutableRawPointer? = nil, doc: StaticString, set: @escaping ParameterSetter
    ) {
        let description = ParameterDescription(name: name, kind: kind, flags: flags, doc: doc)
        declare(description, set: set, user: user)
    }

    /// A command for operators; arguments and reply as apus/rpc.h has them, older names parted by blanks.
    public func command(
        _ name: StaticString, aliases: StaticString? = nil, arguments: StaticString = "", flags: Int = 0,
        reply: StaticString? = nil, doc: StaticString, user: UnsafeMutableRawPointer? = nil,
        call: @escaping @convention(c) (Command) -> CInt
    ) {
        var made = apus_rpc(
            size: UInt32(MemoryLayout<apus_rpc>.size), flags: UInt32(flags), name: name.cString,
            aliases: aliases?.cString, args: arguments.cString, doc: doc.cString, call: call, user: user,
            reply: reply?.cString)
        note(pointee.rpc.pointee.add_command(self, &made))
    }

    /// A pseudo-variable; the forms of `inner` stand in apus/vars.h, `flags` are `APUS_PV_…`.
    public func variable(
        _ name: StaticString, inner: StaticString? = nil, flags: Int = 0, doc: StaticString,
        user: UnsafeMutableRawPointer? = nil, ask: (@convention(c) (Call) -> CInt)? = nil,
        set: (@convention(c) (Access, UnsafePointer<apus_value>) -> CInt)? = nil,
        get: @escaping @convention(c) (Access, UnsafeMutablePointer<apus_value>) -> CInt
    ) {
        var v = apus_pv(
            size: UInt32(MemoryLayout<apus_pv>.size), flags: UInt32(flags), name: name.cString, inner: inner?.cString,
            doc: doc.cString, get: get, set: set, user: user, ask: ask)
        note(pointee.vars.pointee.add_variable(self, &v))
    }

    /// The form of a command in the text protocols, `APUS_RPC_…_TEXT`; the words of `shape` stand in apus/rpc.h.
    public func form(
        _ name: StaticString, of dialects: Int, _ shape: StaticString = "", user: UnsafeMutableRawPointer? = nil,
        call: @escaping @convention(c) (UnsafePointer<apus_command>) -> CInt
    ) {
        command(name, arguments: shape, flags: dialects, doc: "", user: user, call: call)
    }

    /// A counter `group:name`; its id for `bump`.
    public func counter(_ group: StaticString, _ name: StaticString, doc: StaticString) -> UInt32 {
        pointee.stats.pointee.add(self, group.cString, name.cString, doc.cString)
    }

    /// A statistic `group:name` that is computed when somebody reads it, on the reader's thread.
    public func gauge(
        _ group: StaticString, _ name: StaticString, doc: StaticString, user: UnsafeMutableRawPointer? = nil,
        read: @escaping @convention(c) (UnsafeMutableRawPointer?) -> Int64
    ) {
        note(pointee.stats.pointee.add_gauge(self, group.cString, name.cString, doc.cString, read, user))
    }

    /// A callback on the way of every message; the points stand in apus/hooks.h.
    public func hook(
        _ point: Int, user: UnsafeMutableRawPointer? = nil,
        call: @escaping @convention(c) (UnsafePointer<apus_hook>) -> CInt
    ) {
        note(pointee.hooks.pointee.add(self, UInt32(point), call, user))
    }

    /// `event_route[module:name]`; its id.
    public func event(_ name: StaticString, doc: StaticString) -> CInt {
        note(pointee.events.pointee.add(self, name.cString, doc.cString))
    }

    /// A slot for a pointer in each object of a kind (`APUS_SLOT_…`); its id.
    public func slot(_ kind: Int, destroy: (@convention(c) (Host, UnsafeMutableRawPointer) -> Void)? = nil) -> CInt {
        note(pointee.slots.pointee.add(self, UInt32(kind), destroy))
    }
}
