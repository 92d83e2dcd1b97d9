import PluginAPI

// Invariants: everything handed out lies in `arena` and is valid until this object ends; nothing is freed earlier and nothing moves.
// Regular expressions are kept apart and freed with it. Written by the compiler on one thread, constant afterwards.

/// The memory of a compiled script, or of what modules compile from their parameters: tables and texts that live as long.
final class ProgramMemory: @unchecked Sendable {
    private var arena = Arena(chunk: 64 << 10, limit: 1 << 40)
    private var regexes: [CompiledRegex] = []
    private var texts: [[UInt8]: apus_str] = [:]

    deinit {
        for regex in regexes { regex.free() }
        arena.free()
    }

    /// The bytes, kept once however often they are asked for, with a 0 behind them for C's sake.
    func text(_ bytes: [UInt8]) -> apus_str {
        if let known = texts[bytes] { return known }
        let place = allocate(bytes.count + 1)
        bytes.withUnsafeBytes {
            if let start = $0.baseAddress { place.copyMemory(from: start, byteCount: bytes.count) }
        }
        place.storeBytes(of: 0, toByteOffset: bytes.count, as: UInt8.self)
        let text = apus_str(s: UnsafePointer(place.assumingMemoryBound(to: CChar.self)), len: bytes.count)
        texts[bytes] = text
        return text
    }

    func text(_ string: String) -> apus_str { text(Array(string.utf8)) }

    /// A place of its own for one value.
    func place<Value>(_ value: Value) -> UnsafeMutablePointer<Value> {
        let place = allocate(MemoryLayout<Value>.stride).bindMemory(to: Value.self, capacity: 1)
        place.initialize(to: value)
        return place
    }

    /// A copy of the values, one behind the other; of an empty array a pointer that must not be read.
    func table<Value>(_ values: [Value]) -> UnsafeMutablePointer<Value> {
        let place = allocate(max(1, values.count) * MemoryLayout<Value>.stride)
            .bindMemory(to: Value.self, capacity: values.count)
        for (index, value) in values.enumerated() { (place + index).initialize(to: value) }
        return place
    }

    func keep(_ regex: CompiledRegex) { regexes.append(regex) }

    /// Aligned for any type.
    func allocate(_ size: Int) -> UnsafeMutableRawPointer {
        guard let place = arena.allocate(size) else { fatalError("a script of more than a terabyte") }
        return place
    }
}
