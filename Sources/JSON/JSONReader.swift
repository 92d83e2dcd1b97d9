/// Why bytes are no JSON, and where.
public struct JSONFault: Error, Equatable, Sendable {
    public let text: String
    /// The byte at which it is noticed, from 0.
    public let offset: Int
}

/// Reads a JSON text. Bytes may be anything: what is no JSON is an error, and nesting ends at `maxDepth`.
public struct JSONReader<Body: RandomAccessCollection<UInt8>> where Body.Index == Int {
    private let bytes: Body
    private var at: Int

    /// Objects and arrays inside each other.
    public static var maxDepth: Int { 64 }

    /// The whole of `bytes` as one value, white space around it.
    public static func read(_ bytes: Body) throws(JSONFault) -> JSONValue {
        var reader = JSONReader(bytes)
        let value = try reader.value(depth: 0)
        reader.skipSpace()
        if let next = reader.peek { throw reader.fault("nothing may follow the value, but there is byte \(next)") }
        return value
    }

    private init(_ bytes: Body) {
        self.bytes = bytes
        at = bytes.startIndex
    }

    private var peek: UInt8? { at < bytes.endIndex ? bytes[at] : nil }

    private func fault(_ text: String) -> JSONFault { JSONFault(text: text, offset: at - bytes.startIndex) }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { at += 1 }
    }

    private mutating func value(depth: Int) throws(JSONFault) -> JSONValue {
        skipSpace()
        guard let byte = peek else { throw fault("a value is missing") }
        switch byte {
        case UInt8(ascii: "{"): return try object(depth: depth + 1)
        case UInt8(ascii: "["): return try array(depth: depth + 1)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func word(_ word: StaticString, _ value: JSONValue) throws(JSONFault) -> JSONValue {
        let count = word.utf8CodeUnitCount
        guard bytes.endIndex - at >= count,
            bytes[at..<at + count].elementsEqual(UnsafeBufferPointer(start: word.utf8Start, count: count))
        else { throw fault("no value begins like this") }
        at += count
        return value
    }

    private mutating func enter(_ depth: Int) throws(JSONFault) {
        if depth > Self.maxDepth { throw fault("objects and arrays are nested deeper than \(Self.maxDepth)") }
        at += 1
        skipSpace()
    }

    /// True when another one follows a comma.
    private mutating func continues(_ end: UInt8) throws(JSONFault) -> Bool {
        skipSpace()
        guard let byte = peek else { throw fault("it is not closed") }
        guard byte == end || byte == UInt8(ascii: ",") else { throw fault("a comma or the end is expected") }
        at += 1
        return byte != end
    }

    private mutating func array(depth: Int) throws(JSONFault) -> JSONValue {
        try enter(depth)
        var values: [JSONValue] = []
        if peek == UInt8(ascii: "]") {
            at += 1
            return .array(values)
        }
        repeat { values.append(try value(depth: depth)) } while try continues(UInt8(ascii: "]"))
        return .array(values)
    }

    private mutating func object(depth: Int) throws(JSONFault) -> JSONValue {
        try enter(depth)
        var members: [JSONValue.Member] = []
        if peek == UInt8(ascii: "}") {
            at += 1
            return .object(members)
        }
        repeat {
            skipSpace()
            guard peek == UInt8(ascii: "\"") else { throw fault("a name is expected") }
            let name = try string()
            skipSpace()
            guard peek == UInt8(ascii: ":") else { throw fault("a colon is expected") }
            at += 1
            members.append(JSONValue.Member(name: name, value: try value(depth: depth)))
        } while try continues(UInt8(ascii: "}"))
        return .object(members)
    }

    // MARK: - Numbers

    private mutating func digits() throws(JSONFault) {
        guard let first = peek, first &- 0x30 < 10 else { throw fault("a digit is expected") }
        while let byte = peek, byte &- 0x30 < 10 { at += 1 }
    }

    private mutating func number() throws(JSONFault) -> JSONValue {
        let start = at
        if peek == UInt8(ascii: "-") { at += 1 }
        if peek == UInt8(ascii: "0") { at += 1 } else { try digits() }
        var isWhole = true
        if peek == UInt8(ascii: ".") {
            isWhole = false
            at += 1
            try digits()
        }
        if peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") {
            isWhole = false
            at += 1
            if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { at += 1 }
            try digits()
        }
        let text = String(decoding: bytes[start..<at], as: UTF8.self)
        if isWhole, let whole = Int64(text) { return .int(whole) }
        guard let number = Double(text), number.isFinite else { throw fault("the number is too large") }
        return .double(number)
    }

    // MARK: - Strings

    private mutating func string() throws(JSONFault) -> [UInt8] {
        at += 1
        var text: [UInt8] = []
        while let byte = peek {
            at += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard String(validating: text, as: UTF8.self) != nil else { throw fault("a string is no UTF-8") }
                return text
            case UInt8(ascii: "\\"): try escape(&text)
            case 0..<0x20: throw fault("a control character in a string")
            default: text.append(byte)
            }
        }
        throw fault("a string is not closed")
    }

    private mutating func escape(_ text: inout [UInt8]) throws(JSONFault) {
        guard let byte = peek else { throw fault("a string is not closed") }
        at += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            let scalar = try scalar()
            text.append(contentsOf: String(Character(scalar)).utf8)
        default: throw fault("an unknown escape")
        }
    }

    private mutating func scalar() throws(JSONFault) -> Unicode.Scalar {
        let first = try unit()
        if let scalar = Unicode.Scalar(first) { return scalar }
        // The first half of a pair: the other one must follow.
        guard first < 0xDC00, peek == UInt8(ascii: "\\") else { throw fault("half of a surrogate pair") }
        at += 1
        guard peek == UInt8(ascii: "u") else { throw fault("half of a surrogate pair") }
        at += 1
        let second = try unit()
        guard 0xDC00..<0xE000 ~= second,
            let scalar = Unicode.Scalar(0x10000 + (UInt32(first) - 0xD800) << 10 + UInt32(second) - 0xDC00)
        else { throw fault("half of a surrogate pair") }
        return scalar
    }

    private mutating func unit() throws(JSONFault) -> UInt16 {
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = peek, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw fault("four hexadecimal digits are expected")
            }
            at += 1
            value = value << 4 | UInt16(digit)
        }
        return value
    }
}

/// Finds where a JSON text ends in a stream, without reading it.
public enum JSONFraming {
    public enum Found: Equatable, Sendable {
        /// More bytes are needed.
        case incomplete
        /// An object or array ends before this offset; white space before it is counted.
        case end(Int)
        /// White space alone, this many bytes.
        case space(Int)
        /// A stream of objects and arrays does not go on like this.
        case none
    }

    public static func find(_ bytes: some RandomAccessCollection<UInt8>) -> Found {
        var depth = 0
        var isString = false
        var isEscaped = false
        var count = 0
        for byte in bytes {
            count += 1
            if isString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isString = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if depth < 0 { return .none }
                if depth == 0 { return .end(count) }
            case UInt8(ascii: "\"") where depth > 0: isString = true
            case 0x20, 0x09, 0x0A, 0x0D, 0: break
            default: if depth == 0 { return .none }
            }
        }
        return depth == 0 ? .space(count) : .incomplete
    }
}
