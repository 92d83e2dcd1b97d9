/// How ctl's text writes bytes that part lines and members: `\n`, `\r`, `\t`, `\0`, `\\`, `\o` for a colon, `\c` for a comma.
enum LineText {
    private static let escapes: [(byte: UInt8, letter: Character)] = [
        (0x0A, "n"), (0x0D, "r"), (0x09, "t"), (0x00, "0"), (0x5C, "\\"), (0x3A, "o"), (0x2C, "c"),
    ]

    static func write(_ text: some Sequence<UInt8>, to out: inout [UInt8]) {
        for byte in text {
            if let escape = escapes.first(where: { $0.byte == byte }) {
                out += [0x5C] + Array(escape.letter.utf8)
            } else {
                out.append(byte)
            }
        }
    }

    /// What follows a backslash and is none of the letters stays as it is, with it.
    static func read(_ text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var index = 0
        while index < text.count {
            let byte = text[index]
            index += 1
            guard byte == 0x5C, index < text.count,
                let escape = escapes.first(where: { $0.letter.asciiValue == text[index] })
            else {
                result.append(byte)
                continue
            }
            result.append(escape.byte)
            index += 1
        }
        return result
    }
}

/// Writes structured values in the text of Kamailio's ctl: a line for each value at the top, `name:value,name:value` for a map. What a map holds in maps
/// and arrays of its own stands in its line, too: the members by their names, elements by the name of their array.
public struct LineWriter {
    private enum Holder {
        /// A list at the top: each of its values has a line.
        case list
        case inLine
    }

    public private(set) var out: [UInt8] = []
    /// What is open, and the name of what it holds when that is an array.
    private var open: [(holder: Holder, name: [UInt8])] = []
    private var hasMember = false

    public init() {}

    private var isInLine: Bool { open.last.map { $0.holder == .inLine } ?? false }

    /// What was written since it was taken last.
    public mutating func take() -> [UInt8] {
        defer { out.removeAll(keepingCapacity: true) }
        return out
    }

    /// A value; the key is empty but for members of maps.
    public mutating func value(_ text: some Sequence<UInt8>, key: some Collection<UInt8>) {
        if isInLine {
            if hasMember { out.append(0x2C) }
            hasMember = true
            LineText.write(name(key), to: &out)
            out.append(0x3A)
            LineText.write(text, to: &out)
        } else {
            LineText.write(text, to: &out)
            out.append(0x0A)
        }
    }

    public mutating func openMap(key: some Collection<UInt8>) {
        if !isInLine { hasMember = false }
        open.append((.inLine, []))
    }

    public mutating func openArray(key: some Collection<UInt8>) {
        open.append((isInLine ? .inLine : .list, name(key)))
    }

    public mutating func close() {
        guard let closed = open.popLast(), closed.holder == .inLine, !isInLine else { return }
        out.append(0x0A)
    }

    /// The key, or the name of the array that holds it.
    private func name(_ key: some Collection<UInt8>) -> [UInt8] {
        if key.isEmpty, let last = open.last { return last.name }
        return Array(key)
    }
}
