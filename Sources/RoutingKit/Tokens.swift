import PluginKit

extension apus_str {
    /// A token (RFC 3261 section 25.1).
    public var isToken: Bool { !isEmpty && bytes.allSatisfy { apus_str.isTokenByte($0) } }

    /// What tokens consist of.
    public static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
        case 0x2d, 0x2e, 0x21, 0x25, 0x2a, 0x5f, 0x2b, 0x60, 0x27, 0x7e: true
        default: false
        }
    }
}
