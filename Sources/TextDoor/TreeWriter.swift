/// Writes structured values as the tree of the management interface: a line for each node, `name:: value`, what it holds indented below it.
///
/// An array has no node of its own: its values are nodes of one name, the array's. Values without a name, at the top, are lines of their own,
/// and maps among them are called `item`; a map that stands alone at the top is not shown, only what it holds.
public struct TreeWriter {
    private enum Holder {
        case map
        case array
        /// Opened nothing that is shown.
        case hidden
    }

    public private(set) var out: [UInt8] = []
    private let indent: [UInt8]
    /// What is open, and the name of what it holds when that is an array.
    private var open: [(holder: Holder, name: [UInt8])] = []
    private var depth = 0

    /// - Parameter indent: of each level.
    public init(indent: [UInt8] = [0x09]) { self.indent = indent }

    /// What was written since it was taken last.
    public mutating func take() -> [UInt8] {
        defer { out.removeAll(keepingCapacity: true) }
        return out
    }

    /// A value; the key is empty but for members of maps.
    public mutating func value(_ text: some Sequence<UInt8>, key: some Collection<UInt8>) {
        begin(name(key))
        for byte in text { add(byte) }
        out.append(0x0A)
    }

    public mutating func openMap(key: some Collection<UInt8>) {
        if open.isEmpty {
            open.append((.hidden, []))
            return
        }
        let name = name(key)
        begin(name.isEmpty ? Array("item".utf8) : name)
        out.append(0x0A)
        open.append((.map, []))
        depth += 1
    }

    public mutating func openArray(key: some Collection<UInt8>) {
        let name = name(key)
        if let last = open.last, case .array = last.holder {
            begin(name.isEmpty ? Array("item".utf8) : name)
            out.append(0x0A)
            depth += 1
            open.append((.map, []))
        } else {
            open.append((.array, name))
        }
    }

    public mutating func close() {
        if let last = open.popLast(), case .map = last.holder { depth -= 1 }
    }

    /// The key, or the name of the array that holds it.
    private func name(_ key: some Collection<UInt8>) -> [UInt8] {
        if key.isEmpty, let last = open.last { return last.name }
        return Array(key)
    }

    private mutating func begin(_ name: [UInt8]) {
        for _ in 0..<depth { out += indent }
        if name.isEmpty { return }
        for byte in name { add(byte) }
        out += [0x3A, 0x3A, 0x20]
    }

    /// A text cannot begin a line of its own.
    private mutating func add(_ byte: UInt8) {
        switch byte {
        case 0x0A: out += Array("\\n".utf8)
        case 0x0D: out += Array("\\r".utf8)
        default: out.append(byte)
        }
    }
}
