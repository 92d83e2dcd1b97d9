@_exported import PluginAPI

// Invariants: a plugin holds one Module for the life of the process, made before its entry point answers; the description and
// all texts that it points to are allocated once and never freed. Every plugin has its own copy of PluginKit, so the
// globals here are that plugin's alone.

/// The server as the module sees it: `apus_host` of the contract. Valid for ever.
public typealias Host = UnsafePointer<apus_host>

/// A module written in Swift; examples/modules/hello is a whole one.
public final class Module: Sendable {
    /// What the entry point answers.
    public nonisolated(unsafe) let descriptor: UnsafePointer<apus_module>

    /// - Parameters:
    ///   - name: as in the file's name: "tm" for tm.so.
    ///   - needs: interfaces wanted at start, "tm/1 dialog/1?".
    ///   - start: runs once, when parameters are set; `.false` stops the server's start with what was logged.
    ///   - worker: runs once on each worker before it takes traffic.
    ///   - stop: runs once after the last worker has ended.
    ///   - declare: names everything that scripts and operators see, without side effects: `apus -c` runs it too. A declaration
    ///     that is wrong stops the loading of the module with the reason.
    public init(
        _ name: StaticString, version: StaticString, summary: StaticString? = nil, needs: StaticString? = nil,
        start: (@convention(c) (Host) -> CInt)? = nil, worker: (@convention(c) (Host, UInt32) -> CInt)? = nil,
        stop: (@convention(c) (Host) -> Void)? = nil, declare: @escaping @convention(c) (Host) -> Void
    ) {
        declaration = declare
        let description = apus_module(
            magic: 0x5355_5041, size: UInt32(MemoryLayout<apus_module>.size),
            abi_major: UInt16(APUS_ABI_MAJOR), abi_minor: UInt16(APUS_ABI_MINOR), flags: 0,
            name: name.cString, version: version.cString, summary: summary?.cString, needs: needs?.cString,
            declare: { host in
                refused = false
                declaration?(host)
                return refused ? .false : .true
            }, start: start, worker: worker, stop: stop)
        descriptor = UnsafePointer(permanent(description))
    }
}

private nonisolated(unsafe) var declaration: (@convention(c) (Host) -> Void)?
/// Set by the declaring functions when the host refuses something: the module's `declare` fails then.
private nonisolated(unsafe) var refused = false

@discardableResult
func note(_ result: CInt) -> CInt {
    if result < 0 { refused = true }
    return result
}

/// Memory for a module's own state, for ever. Load time only.
public func permanent<Value>(_ value: Value) -> UnsafeMutablePointer<Value> {
    let place = UnsafeMutablePointer<Value>.allocate(capacity: 1)
    place.initialize(to: value)
    return place
}

extension StaticString {
    /// Static texts end with a NUL behind their last byte.
    var cString: UnsafePointer<CChar> { UnsafeRawPointer(utf8Start).assumingMemoryBound(to: CChar.self) }
}

public enum LogLevel: CInt, Sendable {
    case alert = -5
    case bug = -4
    case critical = -2
    case error = -1
    case warning, notice, info, debug
}

/// Doing, after `declare`.
extension UnsafePointer<apus_host> {
    /// Counts; on workers only.
    public func bump(_ counter: UInt32, by amount: UInt64 = 1) { pointee.stats.pointee.bump(self, counter, amount) }

    /// A line of the module's in the log. Cold code: it builds a String.
    public func log(_ level: LogLevel, _ text: String) {
        var text = text
        text.withUTF8 {
            pointee.log.pointee.write(self, level.rawValue, apus_str(start: $0.baseAddress, count: $0.count))
        }
    }
}

extension UnsafeMutablePointer<apus_complaint> {
    /// Says what is wrong with a constant, and where; the answer of a `prepare`: false.
    public func say(_ text: String, at offset: Int = 0) -> CInt {
        pointee.offset = UInt32(offset)
        var writer = Writer(pointee.text, capacity: pointee.capacity)
        for byte in text.utf8 { writer.add(byte: byte) }
        pointee.len = writer.count
        return .false
    }
}
