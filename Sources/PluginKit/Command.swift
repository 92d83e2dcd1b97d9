import PluginAPI

// Invariants: as apus/rpc.h says: a command is used on the thread that has it, and ends with its answer.

/// One execution of a command.
public typealias Command = UnsafePointer<apus_command>

/// Reading arguments and building answers.
extension UnsafePointer<apus_command> {
    public var host: Host { pointee.host }
    public var rpc: UnsafePointer<apus_rpc_api> { pointee.host.pointee.rpc }

    /// Was this argument given?
    public func has(_ index: Int) -> Bool {
        guard index < Int(pointee.count), let args = pointee.args else { return false }
        return args[index].given != 0
    }

    /// The text of an argument; empty when it was not given.
    public func text(_ index: Int) -> apus_str { has(index) ? pointee.args.unsafelyUnwrapped[index].str : "" }

    /// The number of an argument; 0 when it was not given.
    public func number(_ index: Int) -> Int64 { has(index) ? pointee.args.unsafelyUnwrapped[index].num : 0 }

    /// An argument of kind `value`: a number, or a text; $null when it was not given.
    public func value(_ index: Int) -> apus_value {
        guard has(index), let args = pointee.args else { return apus_value() }
        return args[index].value & UInt32(APUS_INT) != 0
            ? apus_value(args[index].num) : apus_value(args[index].str)
    }

    /// A fault instead of an answer, and what the command's `call` returns then.
    @discardableResult
    public func fail(_ code: CInt, _ text: apus_str) -> CInt {
        rpc.pointee.fault(pointee.answer, code, text)
        return .false
    }

    /// The same with a text that is put together.
    @discardableResult
    public func fail(_ code: CInt, composed text: String) -> CInt {
        var text = text
        return text.withUTF8 { fail(code, apus_str(start: $0.baseAddress, count: $0.count)) }
    }

    public func add(_ key: StaticString? = nil, _ value: Int64) {
        rpc.pointee.add_int(pointee.answer, key?.cString, value)
    }

    public func add(_ key: StaticString? = nil, _ value: apus_str) {
        rpc.pointee.add_text(pointee.answer, key?.cString, value)
    }

    public func add(_ key: StaticString? = nil, text value: String) {
        var value = value
        value.withUTF8 { add(key, apus_str(start: $0.baseAddress, count: $0.count)) }
    }

    /// Under a key that is no constant.
    public func add(named key: String, _ value: Int64) {
        key.withCString { rpc.pointee.add_int(pointee.answer, $0, value) }
    }

    public func add(named key: String, text value: String) {
        var value = value
        value.withUTF8 { utf8 in
            key.withCString {
                rpc.pointee.add_text(pointee.answer, $0, apus_str(start: utf8.baseAddress, count: utf8.count))
            }
        }
    }

    /// A map of what `body` adds.
    public func map(_ key: StaticString? = nil, _ body: () -> Void) {
        rpc.pointee.open_map(pointee.answer, key?.cString)
        body()
        rpc.pointee.close(pointee.answer)
    }

    /// An array of what `body` adds.
    public func array(_ key: StaticString? = nil, _ body: () -> Void) {
        rpc.pointee.open_array(pointee.answer, key?.cString)
        body()
        rpc.pointee.close(pointee.answer)
    }
}
