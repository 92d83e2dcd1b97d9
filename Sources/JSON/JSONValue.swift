/// A JSON value (RFC 8259). Strings are bytes, valid UTF-8 as they were read.
public indirect enum JSONValue: Equatable, Sendable {
    case null
    case bool(Bool)
    /// A number without fraction and exponent that 64 bits hold.
    case int(Int64)
    case double(Double)
    case string([UInt8])
    case array([JSONValue])
    /// In the order given; a name may occur more than once.
    case object([Member])

    public struct Member: Equatable, Sendable {
        public let name: [UInt8]
        public let value: JSONValue

        public init(name: [UInt8], value: JSONValue) { (self.name, self.value) = (name, value) }
    }

    /// The first member of that name; nil when there is none, or this is no object.
    public subscript(_ name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name.elementsEqual(name.utf8) }?.value
    }

    public static func string(_ text: String) -> JSONValue { .string(Array(text.utf8)) }
}
