/// Text that positions point into: a config file, what was given on the command line, or the value of a define where it
/// was used. Immutable, and shared by every token and message that came out of it.
final class Source: Sendable {
    /// How the text came to be read.
    enum Origin: Sendable {
        /// The config file itself, or standard input.
        case file
        /// Options of the command line, which count as standing before the file.
        case commandLine
        /// A file named by `include_file` or `import_file`.
        case included(at: SourceRange)
        /// The value of a define, put in the place of its name.
        case expansion(of: String, at: SourceRange, definition: SourceRange?)
    }

    /// The path as the user wrote it, or a name in angle brackets.
    let name: String
    let bytes: [UInt8]
    let origin: Origin
    /// Offset of the first byte of each line.
    private let lineStarts: [Int32]

    /// The largest text that is read; offsets are 32 bits wide.
    static let maximumSize = 64 << 20

    init(name: String, bytes: [UInt8], origin: Origin = .file) {
        self.name = name
        self.bytes = bytes
        self.origin = origin
        var starts: [Int32] = [0]
        bytes.withUnsafeBufferPointer { text in
            for index in text.indices where text[index] == UInt8(ascii: "\n") {
                starts.append(Int32(truncatingIfNeeded: index &+ 1))
            }
        }
        lineStarts = starts
    }

    convenience init(name: String, text: String, origin: Origin = .file) {
        self.init(name: name, bytes: Array(text.utf8), origin: origin)
    }

    /// Number of the line that holds the byte, counted from 1.
    func line(at offset: Int) -> Int {
        var low = 0
        var high = lineStarts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if Int(lineStarts[middle]) <= offset { low = middle } else { high = middle }
        }
        return low + 1
    }

    /// Number of the character in its line, counted from 1; a tab is one character.
    func column(at offset: Int) -> Int {
        let start = Int(lineStarts[line(at: offset) - 1])
        return 1 + Source.characters(in: bytes[start..<max(start, min(offset, bytes.count))])
    }

    /// The bytes of a line, without its line end.
    func lineBytes(_ number: Int) -> Range<Int> {
        let start = Int(lineStarts[number - 1])
        var end = number < lineStarts.count ? Int(lineStarts[number]) - 1 : bytes.count
        if end > start, bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
        return start..<max(start, end)
    }

    /// Characters of UTF-8 text: bytes that do not continue another one.
    static func characters(in bytes: ArraySlice<UInt8>) -> Int {
        bytes.reduce(0) { $1 & 0xC0 == 0x80 ? $0 : $0 + 1 }
    }

    /// The whole text.
    var range: SourceRange { SourceRange(self, 0, bytes.count) }
}

/// A stretch of a source, as byte offsets. May be empty: then it marks the place before `start`.
struct SourceRange: Sendable {
    let source: Source
    private let low: Int32
    private let high: Int32

    init(_ source: Source, _ start: Int, _ end: Int) {
        self.source = source
        low = Int32(clamping: start)
        high = Int32(clamping: max(start, end))
    }

    var start: Int { Int(low) }
    var end: Int { Int(high) }
    var line: Int { source.line(at: start) }
    var column: Int { source.column(at: start) }

    /// The text as it stands in the source, invalid UTF-8 repaired.
    var text: String { String(decoding: source.bytes[start..<min(end, source.bytes.count)], as: UTF8.self) }

    /// From the start of this range to the end of the other one. Where the two lie in different sources, this one.
    func through(_ other: SourceRange) -> SourceRange {
        if source === other.source { return SourceRange(source, start, max(end, other.end)) }
        let (outer, otherOuter) = (written, other.written)
        guard outer.source === otherOuter.source else { return self }
        return SourceRange(outer.source, outer.start, max(outer.end, otherOuter.end))
    }

    /// The empty range right behind this one: where something is missing.
    var after: SourceRange { SourceRange(source, end, end) }

    /// Where the user wrote it in a file: for text out of a define, the place where the define was used.
    var written: SourceRange {
        var range = self
        while case .expansion(_, let use, _) = range.source.origin { range = use }
        return range
    }

    /// `file:line:column` of the place where it was written.
    var position: String {
        let place = written
        return "\(place.source.name):\(place.line):\(place.column)"
    }
}

extension SourceRange: Hashable {
    static func == (left: SourceRange, right: SourceRange) -> Bool {
        left.source === right.source && left.low == right.low && left.high == right.high
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(ObjectIdentifier(source))
        hasher.combine(low)
        hasher.combine(high)
    }
}
