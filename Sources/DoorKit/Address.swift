import PluginKit

/// Where a door is to be: `tcp:localhost:2049`, `unixs:/run/apus/apus_ctl`, `/tmp/sock`, `*`.
public struct DoorAddress: Equatable {
    /// `APUS_DOOR_…`
    public let kind: Int
    /// A path or an IP address.
    public let place: String
    public let port: UInt16

    public init(kind: Int, place: String, port: UInt16 = 0) { (self.kind, self.place, self.port) = (kind, place, port) }

    private static let kinds: [(name: String, kind: Int)] = [
        ("unix", APUS_DOOR_UNIX_STREAM), ("unixs", APUS_DOOR_UNIX_STREAM), ("unixd", APUS_DOOR_UNIX_DATAGRAM),
        ("udp", APUS_DOOR_UDP), ("tcp", APUS_DOOR_TCP), ("fifo", APUS_DOOR_FIFO),
    ]

    /// Nil when it is none.
    /// - Parameters:
    ///   - path: the kind of a path that stands alone.
    ///   - port: where an address has none.
    public init?(_ text: String, path: Int, port: UInt16) {
        var rest = text[...]
        var kind: Int?
        if let colon = text.firstIndex(of: ":"),
            let found = DoorAddress.kinds.first(where: { $0.name == text[..<colon].lowercased() })
        {
            kind = found.kind
            rest = text[text.index(after: colon)...]
        }
        let isFile = kind.map { $0 != APUS_DOOR_UDP && $0 != APUS_DOOR_TCP } ?? rest.contains("/")
        guard !rest.isEmpty else { return nil }
        guard !isFile else {
            self.init(kind: kind ?? path, place: String(rest))
            return
        }
        var host = rest
        var number: Substring?
        if rest.hasPrefix("[") {
            guard let end = rest.firstIndex(of: "]") else { return nil }
            host = rest[...end]
            let behind = rest[rest.index(after: end)...]
            guard behind.isEmpty || behind.hasPrefix(":") else { return nil }
            if !behind.isEmpty { number = behind.dropFirst() }
        } else if let colon = rest.lastIndex(of: ":") {
            host = rest[..<colon]
            number = rest[rest.index(after: colon)...]
        }
        guard !host.isEmpty else { return nil }
        if let number {
            guard let value = UInt16(number), value > 0 else { return nil }
            self.init(kind: kind ?? APUS_DOOR_UDP, place: String(host), port: value)
        } else {
            self.init(kind: kind ?? APUS_DOOR_UDP, place: String(host), port: port)
        }
    }
}
