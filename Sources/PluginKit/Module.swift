@_exported import PluginAPI

// Invariants: a plugin holds one Module for the life of the process, made before its entry point answers; the description and
// all texts that it points to are allocated once and never freed. Every plugin has its own copy of PluginKit, so the one
// global here is that plugin's alone.

/// The server as the module sees it: `apus_host` of the contract. Valid for ever.
public typealias Host = UnsafePointer<apus_host>

/// A module written in Swift. The whole of one:
///
///     import PluginKit
///
///     private let module = Module("hello", version: "1.0") { host in
///         host.function("hello", "text:format", doc: "Logs the text.") { call in
///             call.log(.info, call.text(0))
///             return .true
///         }
///     }
///
///     @c(apus_module_hello)
///     public func entry() -> UnsafePointer<apus_module> { module.descriptor }
public final class Module: Sendable {
    /// What the entry point answers.
    public nonisolated(unsafe) let descriptor: UnsafePointer<apus_module>

    fileprivate let declare: @Sendable (Host) -> Void
    fileprivate let start: (@Sendable (Host) -> Bool)?

    /// - Parameters:
    ///   - name: as in the file's name: "tm" for tm.so.
    ///   - needs: interfaces wanted at start, "tm/1 dialog/1?".
    ///   - declare: names everything that scripts and operators see, without side effects: `apus -c` runs it too. A declaration
    ///     that is wrong stops the loading of the module with the reason.
    ///   - start: runs once, when parameters are set; false stops the server's start with what was logged.
    ///   - worker: runs once on each worker before it takes traffic.
    ///   - stop: runs once after the last worker has ended.
    public init(
        _ name: StaticString, version: StaticString, summary: StaticString? = nil, needs: StaticString? = nil,
        start: (@Sendable (Host) -> Bool)? = nil,
        worker: (@convention(c) (Host, UInt32) -> CInt)? = nil,
        stop: (@convention(c) (Host) -> Void)? = nil,
        declare: @escaping @Sendable (Host) -> Void
    ) {
        self.declare = declare
        self.start = start
        let place = UnsafeMutablePointer<apus_module>.allocate(capacity: 1)
        place.initialize(
            to: apus_module(
                magic: 0x5355_5041, size: UInt32(MemoryLayout<apus_module>.size),
                abi_major: UInt16(APUS_ABI_MAJOR), abi_minor: UInt16(APUS_ABI_MINOR), flags: 0,
                name: name.cString, version: version.cString, summary: summary?.cString, needs: needs?.cString,
                declare: declareModule, start: startModule, worker: worker, stop: stop))
        descriptor = UnsafePointer(place)
        current = self
    }
}

private nonisolated(unsafe) var current: Module?
/// Set by the declaring functions below when the host refuses something.
private nonisolated(unsafe) var refused = false

private func declareModule(_ host: Host) -> CInt {
    refused = false
    current?.declare(host)
    return refused ? .false : .true
}

private func startModule(_ host: Host) -> CInt {
    current?.start?(host) ?? true ? .true : .false
}

/// What a declaration hands to the host; a refusal makes the module's `declare` fail.
private func note(_ result: CInt) {
    if result < 0 { refused = true }
}

extension StaticString {
    /// Static texts end with a NUL behind their last byte.
    var cString: UnsafePointer<CChar> {
        UnsafeRawPointer(utf8Start).assumingMemoryBound(to: CChar.self)
    }
}

/// Where a function may be called: bits of the contract's `APUS_…_ROUTE`.
public struct Routes: OptionSet, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    public static let request = Routes(rawValue: 1 << 0)
    public static let failure = Routes(rawValue: 1 << 1)
    public static let tmOnReply = Routes(rawValue: 1 << 2)
    public static let coreOnReply = Routes(rawValue: 1 << 3)
    public static let branch = Routes(rawValue: 1 << 4)
    public static let onsend = Routes(rawValue: 1 << 5)
    public static let local = Routes(rawValue: 1 << 6)
    public static let branchFailure = Routes(rawValue: 1 << 7)
    public static let event = Routes(rawValue: 1 << 8)
    public static let onreply: Routes = [.tmOnReply, .coreOnReply]
    public static let any = Routes(rawValue: 0x1ff)
    /// Everywhere but in onsend_route.
    public static let editing = any.subtracting(.onsend)
}

/// Declaring, in the module's `declare`.
extension UnsafePointer<apus_host> {
    /// A function for scripts; the kinds of arguments stand in apus/script.h.
    public func function(
        _ name: StaticString, _ arguments: StaticString = "", routes: Routes = .any, maySuspend: Bool = false,
        deprecated: Bool = false, doc: StaticString, user: UnsafeMutableRawPointer? = nil,
        prepare: FunctionPreparation? = nil, call: @escaping @convention(c) (Call) -> CInt
    ) {
        var flags: UInt32 = 0
        if maySuspend { flags |= UInt32(APUS_MAY_SUSPEND) }
        if deprecated { flags |= UInt32(APUS_DEPRECATED) }
        var f = apus_function(
            size: UInt32(MemoryLayout<apus_function>.size), routes: routes.rawValue, flags: flags, reserved: 0,
            name: name.cString, args: arguments.cString, doc: doc.cString, call: call, prepare: prepare, user: user)
        note(pointee.script.pointee.add_function(self, &f))
    }

    /// A number that `modparam` sets before `start`. Units belong in the doc.
    public func parameter(
        _ name: StaticString, into place: UnsafeMutablePointer<Int64>, initial: StaticString = "0",
        range: ClosedRange<Int64> = 0...0, doc: StaticString
    ) {
        parameter(name, Int(APUS_PARAM_INT), 0, initial, range, place, nil, doc)
    }

    /// A text that `modparam` sets before `start`; it lives for ever.
    public func parameter(
        _ name: StaticString, into place: UnsafeMutablePointer<apus_str>, initial: StaticString = "", doc: StaticString
    ) {
        parameter(name, Int(APUS_PARAM_STRING), 0, initial, 0...0, place, nil, doc)
    }

    /// A parameter that is handed over, value by value, as the config is read.
    public func parameter(
        _ name: StaticString, kind: Int = Int(APUS_PARAM_EITHER), repeatable: Bool = false, doc: StaticString,
        set: @escaping ParameterSetter
    ) {
        parameter(name, kind, repeatable ? Int(APUS_REPEATABLE) : 0, nil, 0...0, nil, set, doc)
    }

    private func parameter(
        _ name: StaticString, _ kind: Int, _ flags: Int, _ initial: StaticString?, _ range: ClosedRange<Int64>,
        _ place: UnsafeMutableRawPointer?, _ set: ParameterSetter?, _ doc: StaticString
    ) {
        var p = apus_parameter(
            size: UInt32(MemoryLayout<apus_parameter>.size), kind: UInt32(kind), flags: UInt32(flags), reserved: 0,
            name: name.cString, doc: doc.cString, initial: initial?.cString, min: range.lowerBound,
            max: range.upperBound, into: place, set: set, user: nil)
        note(pointee.config.pointee.add_parameter(self, &p))
    }

    /// A pseudo-variable; the forms of `inner` stand in apus/vars.h.
    public func variable(
        _ name: StaticString, inner: StaticString? = nil, indexed: Bool = false, dynamic: Bool = false,
        doc: StaticString, user: UnsafeMutableRawPointer? = nil,
        set: (@convention(c) (Access, UnsafePointer<apus_value>) -> CInt)? = nil,
        get: @escaping @convention(c) (Access, UnsafeMutablePointer<apus_value>) -> CInt
    ) {
        var flags: UInt32 = 0
        if indexed { flags |= UInt32(APUS_PV_INDEXED) }
        if dynamic { flags |= UInt32(APUS_PV_DYNAMIC) }
        var v = apus_pv(
            size: UInt32(MemoryLayout<apus_pv>.size), flags: flags, name: name.cString, inner: inner?.cString,
            doc: doc.cString, get: get, set: set, user: user)
        note(pointee.vars.pointee.add_variable(self, &v))
    }

    /// A counter `group:name`; its id for `bump`.
    public func counter(_ group: StaticString, _ name: StaticString, doc: StaticString) -> UInt32 {
        pointee.stats.pointee.add(self, group.cString, name.cString, doc.cString)
    }

    /// A callback on the way of every message; the points stand in apus/hooks.h.
    public func hook(_ point: Int, call: @escaping @convention(c) (UnsafePointer<apus_hook>) -> CInt) {
        note(pointee.hooks.pointee.add(self, UInt32(point), call, nil))
    }

    /// `event_route[module:name]`; its id.
    public func event(_ name: StaticString, doc: StaticString) -> Int32 {
        let id = pointee.events.pointee.add(self, name.cString, doc.cString)
        note(id)
        return id
    }

    /// A slot for a pointer in each message, destroyed with it.
    public func messageSlot(destroy: (@convention(c) (Host, UnsafeMutableRawPointer) -> Void)? = nil) -> Int32 {
        let id = pointee.slots.pointee.add(self, UInt32(APUS_SLOT_MESSAGE), destroy)
        note(id)
        return id
    }

    /// Offers an interface to other modules; the table lives for ever.
    public func publish(_ id: StaticString, _ table: UnsafeRawPointer) {
        note(pointee.publish(self, id.cString, table))
    }
}

/// See `apus_function.prepare`.
public typealias FunctionPreparation =
    @convention(c) (
        Host, UInt32, apus_str, UnsafeMutablePointer<UnsafeMutableRawPointer?>, UnsafeMutablePointer<apus_complaint>
    ) -> CInt

/// See `apus_parameter.set`.
public typealias ParameterSetter =
    @convention(c) (Host, UnsafePointer<apus_value>, UnsafeMutableRawPointer?) -> CInt

/// Doing, after `declare`.
extension UnsafePointer<apus_host> {
    /// Counts; on workers only.
    public func bump(_ counter: UInt32, by amount: UInt64 = 1) {
        pointee.stats.pointee.bump(self, counter, amount)
    }

    /// A line of the module's in the log. Cold code: it builds a String.
    public func log(_ level: LogLevel, _ text: String) {
        var text = text
        text.withUTF8 { pointee.log.pointee.write(self, level.rawValue, apus_str($0)) }
    }

    /// An interface that another module publishes; nil when none does or it is too small. In `start`.
    public func find<Table>(_ id: StaticString, _: Table.Type) -> UnsafePointer<Table>? {
        pointee.find(self, id.cString, UInt32(MemoryLayout<Table>.size))?.assumingMemoryBound(to: Table.self)
    }
}

public enum LogLevel: CInt, Sendable {
    case alert = -5
    case bug = -4
    case critical = -2
    case error = -1
    case warning = 0
    case notice = 1
    case info = 2
    case debug = 3
}
