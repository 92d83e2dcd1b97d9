import PluginAPI

// Invariants: `memory` is a copy of ours, aligned for any struct of the contract, zero where the module's struct ends
// before ours. Members that the header calls non-null may be null all the same, which Swift's view of the struct cannot
// tell: they are read here, as raw memory, before `contents` is touched.

/// A struct of the contract that a module handed over, copied so that an older, shorter one reads as one of ours with
/// zeroes behind.
struct GivenStruct<Struct> {
    private let memory: UnsafeMutableRawPointer

    /// Calls `body` with the copy.
    ///
    /// - Parameters:
    ///   - first: the end of the struct's first version: what every module has.
    ///   - name: of the struct, for the refusal.
    static func read<R>(
        _ source: UnsafeRawPointer?, _: Struct.Type, name: String, first: Int,
        _ body: (GivenStruct<Struct>) throws(Registry.Refusal) -> R
    ) throws(Registry.Refusal) -> R {
        guard let source else { throw Registry.Refusal(text: "\(name) is null") }
        let size = Int(source.loadUnaligned(as: UInt32.self))
        guard size >= first else {
            throw Registry.Refusal(
                text: "\(name).size is \(size), at least \(first) is expected: begin with APUS_STRUCT(\(name))")
        }
        let memory = UnsafeMutableRawPointer.allocate(byteCount: MemoryLayout<Struct>.size, alignment: 16)
        defer { memory.deallocate() }
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: MemoryLayout<Struct>.size)
        memory.copyMemory(from: source, byteCount: min(size, MemoryLayout<Struct>.size))
        return try body(GivenStruct(memory: memory))
    }

    /// Precondition: every member that cannot be null has been asked for by `isNull`.
    var contents: Struct { memory.load(as: Struct.self) }

    func isNull<Member>(_ member: KeyPath<Struct, Member>) -> Bool {
        memory.load(fromByteOffset: MemoryLayout<Struct>.offset(of: member)!, as: UInt.self) == 0
    }

    /// A text member; nil when it is null.
    func text<Member>(_ member: KeyPath<Struct, Member>) -> String? {
        let offset = MemoryLayout<Struct>.offset(of: member)!
        guard let text = memory.load(fromByteOffset: offset, as: UnsafePointer<CChar>?.self) else { return nil }
        return String(cString: text)
    }

    /// A text member that must be there and not be empty.
    func required<Member>(_ member: KeyPath<Struct, Member>, _ what: String) throws(Registry.Refusal) -> String {
        guard let text = text(member), !text.isEmpty else { throw Registry.Refusal(text: "\(what) is missing") }
        return text
    }
}

extension MemoryLayout {
    /// The offset behind a member: the size of the struct when that was its last one.
    static func end<Member>(of member: KeyPath<T, Member>) -> Int {
        offset(of: member)! + MemoryLayout<Member>.size
    }
}

/// Names that modules give to what they declare.
enum DeclaredName {
    /// A letter or underscore, then letters, digits and underscores: functions, parameters.
    static func isIdentifier(_ name: String) -> Bool {
        guard let first = name.utf8.first, isLetter(first) else { return false }
        return name.utf8.allSatisfy { isLetter($0) || isDigit($0) }
    }

    /// Also dashes, dots and colons: events, statistics.
    static func isDotted(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.allSatisfy { isLetter($0) || isDigit($0) || "-.:".utf8.contains($0) }
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 || byte == UInt8(ascii: "_") }
    private static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }
}
