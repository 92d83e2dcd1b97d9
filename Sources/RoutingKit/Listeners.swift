import PluginKit

extension UnsafePointer<apus_host> {
    /// The listener that a text names as its info does: `udp:127.0.0.1:5060`, `127.0.0.1:5060`; nil when it is none of this server's.
    public func listener(_ text: apus_str) -> OpaquePointer? {
        let net = pointee.net
        var rest = text
        var transport: UInt32 = 0
        if let colon = text.index(of: UInt8(ascii: ":")) {
            transport = net.pointee.transport(text[0..<colon])
            if transport != 0 { rest = text.dropFirst(colon + 1) }
        }
        // The port stands behind the last colon, unless that is in brackets.
        var end = rest.len
        while end > 0, rest[end - 1] != UInt8(ascii: ":"), rest[end - 1] != UInt8(ascii: "]") { end -= 1 }
        guard end > 0, rest[end - 1] == UInt8(ascii: ":") else {
            return rest.isEmpty ? nil : net.pointee.find(self, transport, rest, 0)
        }
        guard let port = rest.dropFirst(end).number, 1...65535 ~= port else { return nil }
        return net.pointee.find(self, transport, rest[0..<end - 1], UInt16(port))
    }
}
