import PluginKit

extension Message {
    /// Where it came from, and by which transport.
    public var source: apus_destination {
        var source = apus_destination()
        source.size = UInt32(MemoryLayout<apus_destination>.size)
        api.pointee.source(handle, &source)
        return source
    }
}

extension UnsafePointer<apus_call> {
    /// `;name=ip~port~transport` of the address that the message came from, as a parameter of a Contact's URI; nil when memory is out.
    public func sourceAlias(_ name: apus_str) -> apus_str? {
        let address = message.field(APUS_FIELD_SOURCE_IP)
        let source = message.source
        return alias(name, address: address, port: source.remote.port, transport: source.transport)
    }

    /// The same of another address, which may be IPv6 without brackets.
    public func alias(_ name: apus_str, address: apus_str, port: UInt16, transport: UInt32) -> apus_str? {
        guard var alias = writer(address.len + name.len + 40) else { return nil }
        alias.add(";")
        alias.add(name)
        alias.add("=")
        alias.add(host: address)
        alias.add("~")
        alias.add(number: Int64(port))
        alias.add("~")
        alias.add(number: Int64(transport))
        return alias.text
    }
}

extension Writer {
    /// An address as it stands in a URI: IPv6 in brackets.
    public mutating func add(host address: apus_str) {
        let isIPv6 = address.index(of: UInt8(ascii: ":")) != nil && !address.hasPrefix("[")
        if isIPv6 { add("[") }
        add(address)
        if isIPv6 { add("]") }
    }
}

extension apus_address {
    /// The same address, whatever their ports are.
    public func hasIP(of other: apus_address) -> Bool {
        guard family == other.family else { return false }
        return withUnsafeBytes(of: ip) { a in withUnsafeBytes(of: other.ip) { a.elementsEqual($0) } }
    }
}
