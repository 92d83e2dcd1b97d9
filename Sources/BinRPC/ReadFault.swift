/// Why bytes are no binrpc.
public enum ReadFault: Error, Equatable, Sendable, CustomStringConvertible {
    case notBinRPC
    case otherVersion(UInt8)
    case unknownKind(UInt8)
    case unknownType(UInt8)
    /// A record goes on behind the end of the body.
    case truncated
    case numberTooLong
    /// A text or name without the zero byte at its end.
    case unterminatedText
    /// The end of a map or array that is not open, or not the innermost.
    case unexpectedEnd
    /// A map or array is open at the end of the body.
    case unclosed
    /// A name outside a map, or a value without one in a map.
    case misplacedName
    case tooDeep
    /// A request that does not begin with a command's name, or a fault without code and text.
    case noSubject

    public var description: String {
        switch self {
        case .notBinRPC: "this is not binrpc"
        case .otherVersion(let version): "binrpc version \(version) is not spoken here, only 1"
        case .unknownKind(let kind): "a packet of unknown kind \(kind)"
        case .unknownType(let type): "a record of unknown type \(type)"
        case .truncated: "a record is cut off"
        case .numberTooLong: "a number of more than 8 bytes"
        case .unterminatedText: "a text without the zero byte at its end"
        case .unexpectedEnd: "the end of a map or array that is not open"
        case .unclosed: "a map or array is not closed"
        case .misplacedName: "names and values of a map do not alternate"
        case .tooDeep: "maps and arrays are nested deeper than \(RPCValue.maxDepth)"
        case .noSubject: "the first value is missing or has the wrong type"
        }
    }
}
