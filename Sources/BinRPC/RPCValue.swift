/// What binrpc carries: arguments of a command and its answer. Texts are bytes: UTF-8 is not promised.
public enum RPCValue: Equatable, Sendable {
    /// 32 bits reach every peer; more are understood by this library.
    case int(Int64)
    /// Travels in thousandths.
    case double(Double)
    case text([UInt8])
    case bytes([UInt8])
    case array([RPCValue])
    /// In the order given; a name may occur more than once.
    case map([Member])

    public struct Member: Equatable, Sendable {
        public let name: [UInt8]
        public let value: RPCValue

        public init(name: [UInt8], value: RPCValue) {
            self.name = name
            self.value = value
        }
    }

    public static func text(_ text: String) -> RPCValue { .text(Array(text.utf8)) }

    /// Values and names that a map or array may hold inside each other.
    public static let maxDepth = 32
}
