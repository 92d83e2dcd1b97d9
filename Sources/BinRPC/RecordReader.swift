/// Reads the values of a packet's body. Bytes may be anything: what is no value is an error, memory grows with the bytes that are there,
/// and nesting ends at `RPCValue.maxDepth`.
public struct RecordReader<Body: RandomAccessCollection<UInt8>> {
    private var rest: Body.SubSequence

    public init(_ body: Body) { rest = body[...] }

    private enum Item {
        case value(RPCValue)
        case name([UInt8])
        case open(RecordType)
        case close(RecordType)
    }

    /// The next value; nil at the end.
    public mutating func next() throws(ReadFault) -> RPCValue? {
        rest.isEmpty ? nil : try value(try item(), depth: 0)
    }

    /// All values that are left.
    public mutating func all() throws(ReadFault) -> [RPCValue] {
        var values: [RPCValue] = []
        while let value = try next() { values.append(value) }
        return values
    }

    private mutating func value(_ item: Item, depth: Int) throws(ReadFault) -> RPCValue {
        switch item {
        case .value(let value): return value
        case .name: throw .misplacedName
        case .close: throw .unexpectedEnd
        case .open(let type):
            guard depth < RPCValue.maxDepth else { throw .tooDeep }
            return type == .map ? .map(try members(depth + 1)) : .array(try elements(depth + 1))
        }
    }

    private mutating func members(_ depth: Int) throws(ReadFault) -> [RPCValue.Member] {
        var members: [RPCValue.Member] = []
        while true {
            if rest.isEmpty { throw .unclosed }
            switch try item() {
            case .close(.map): return members
            case .close: throw .unexpectedEnd
            case .name(let name):
                if rest.isEmpty { throw .unclosed }
                let value = try value(try item(), depth: depth)
                members.append(RPCValue.Member(name: name, value: value))
            case .value, .open: throw .misplacedName
            }
        }
    }

    private mutating func elements(_ depth: Int) throws(ReadFault) -> [RPCValue] {
        var values: [RPCValue] = []
        while true {
            if rest.isEmpty { throw .unclosed }
            let item = try item()
            if case .close(.array) = item { return values }
            values.append(try value(item, depth: depth))
        }
    }

    private mutating func item() throws(ReadFault) -> Item {
        guard let head = rest.popFirst() else { throw .truncated }
        guard let type = RecordType(rawValue: head & 15) else { throw .unknownType(head & 15) }
        var size = Int(head >> 4 & 7)
        let hasLength = head & RecordType.endBit != 0
        if type == .map || type == .array {
            guard size == 0 else { throw .unknownType(type.rawValue) }
            return hasLength ? .close(type) : .open(type)
        }
        if hasLength {
            guard size <= 4 else { throw .truncated }
            size = try take(size).reduce(0) { $0 << 8 | Int($1) }
        }
        switch type {
        case .int: return .value(.int(try number(size)))
        case .double: return .value(.double(Double(try number(size)) / 1000))
        case .bytes: return .value(.bytes(Array(try take(size))))
        case .name: return .name(try terminated(size))
        default: return .value(.text(try terminated(size)))
        }
    }

    private mutating func number(_ size: Int) throws(ReadFault) -> Int64 {
        guard size <= 8 else { throw .numberTooLong }
        let value = try take(size).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return size == 4 ? Int64(Int32(truncatingIfNeeded: value)) : Int64(bitPattern: value)
    }

    private mutating func terminated(_ size: Int) throws(ReadFault) -> [UInt8] {
        let bytes = try take(size)
        guard bytes.last == 0 else { throw .unterminatedText }
        return Array(bytes.dropLast())
    }

    private mutating func take(_ size: Int) throws(ReadFault) -> Body.SubSequence {
        guard size <= rest.count else { throw .truncated }
        defer { rest = rest.dropFirst(size) }
        return rest.prefix(size)
    }
}
