import PluginKit
import RoutingKit

/// One ping; its texts are borrowed.
public struct Ping {
    /// What is sent.
    public enum Kind {
        /// Four bytes of zeros, which nobody answers: they keep the way open from outside only.
        case zeros
        /// A SIP request.
        case request
    }

    public var kind: Kind
    /// The URI that leads to where it goes first.
    public var hop: apus_str
    /// The contact's.
    public var uri: apus_str
    /// Route values.
    public var path: apus_str
    /// The URI in To.
    public var to: apus_str
    public var mark: PingMark
    /// Preferred.
    public var listener: OpaquePointer?
    /// Preferred, for stream transports; 0: none.
    public var connection: UInt64

    /// - Parameter hop: nil: the first value of `path`, else where the REGISTER came from, else the contact itself.
    public init(_ kind: Kind, _ host: Host, _ contact: usrloc_contact, ignoresPath: Bool, to: apus_str, mark: PingMark)
    {
        let route: apus_str = ignoresPath ? "" : contact.path
        let first = apus_name_addr.filled { host.pointee.message.pointee.parse_name_addr(route, $0) }
        self.kind = kind
        uri = contact.uri
        path = route
        hop = contact.received.isEmpty ? contact.uri : contact.received
        if !route.isEmpty, let first { hop = first.uri }
        self.to = to
        self.mark = mark
        listener = contact.listener
        connection = contact.connection
    }

    /// `APUS_UDP` … by the URI that it goes to; 0 when that is none.
    public func transport(_ host: Host) -> Int {
        apus_uri.filled { host.pointee.message.pointee.parse_uri(hop, $0) }?.transportNumber ?? 0
    }

    /// Rows of others may hold anything: nothing may end a line of the request.
    var hasControls: Bool {
        func has(_ text: apus_str) -> Bool { text.bytes.contains { $0 < 0x20 || $0 == 0x7f } }
        return has(uri) || has(path) || has(to)
    }

    var textSize: Int { hop.len + uri.len + path.len + to.len + mark.ruid.len }

    /// The same, with texts of its own.
    /// - Parameter memory: `textSize` bytes.
    func copied(to memory: UnsafeMutableRawPointer) -> Ping {
        var made = self
        var writer = Writer(memory, capacity: textSize)
        made.hop = writer.copy(hop)
        made.uri = writer.copy(uri)
        made.path = writer.copy(path)
        made.to = writer.copy(to)
        made.mark = PingMark(table: mark.table, hash: mark.hash, sent: mark.sent, ruid: writer.copy(mark.ruid))
        return made
    }
}

/// A URI as the value of From; what has angle brackets is one already. For ever.
public func headerValue(_ uri: apus_str) -> apus_str {
    guard uri.index(of: UInt8(ascii: "<")) == nil else { return uri }
    let place = UnsafeMutablePointer<UInt8>.allocate(capacity: uri.len + 2)
    var out = Writer(place, capacity: uri.len + 2)
    out.add("<")
    out.add(uri)
    out.add(">")
    return out.text
}

/// What all pings of a module have in common; for ever.
public struct PingStyle {
    /// What tags of its pings begin with: a token.
    public let prefix: apus_str
    public let method: apus_str
    /// The value of From, without a tag.
    public let from: apus_str
    /// The only transport that is used; 0: any.
    public let transport: UInt32
    /// Counter of pings that were sent.
    public let sent: UInt32

    public init(prefix: apus_str, method: apus_str, from: apus_str, transport: UInt32, sent: UInt32) {
        self.prefix = prefix
        self.method = method
        self.from = from
        self.transport = transport
        self.sent = sent
    }

    /// Bytes that a ping takes at most.
    func room(_ ping: Ping) -> Int {
        ping.uri.len + ping.path.len + ping.to.len + ping.mark.ruid.len + 2 * method.len + from.len + prefix.len + 512
    }

    /// The request, as it leaves by that listener; an OPTIONS within a dialog of its own (RFC 3261 section 11.1).
    /// - Parameter random: names the transaction and the Call-ID.
    func write(
        _ ping: Ping, _ listener: apus_listener_info, _ transport: apus_str, random: UInt64, to out: inout Writer
    ) {
        out.add(method)
        out.add(" ")
        out.add(ping.uri)
        out.add(" SIP/2.0\r\nVia: SIP/2.0/")
        out.add(transport)
        out.add(" ")
        out.add(listener.advertised_address)
        out.add(":")
        out.add(number: Int64(listener.advertised_port))
        out.add(";branch=z9hG4bK")
        out.add(hex: random, width: 16)
        out.add("\r\nMax-Forwards: 70\r\n")
        if !ping.path.isEmpty {
            out.add("Route: ")
            out.add(ping.path)
            out.add("\r\n")
        }
        out.add("From: ")
        out.add(from)
        out.add(";tag=")
        ping.mark.write(to: &out, prefix: prefix)
        out.add("\r\nTo: <")
        out.add(ping.to)
        out.add(">\r\nCall-ID: ")
        out.add(prefix)
        out.add(hex: random, width: 16)
        out.add("\r\nCSeq: 1 ")
        out.add(method)
        out.add("\r\nContent-Length: 0\r\n\r\n")
    }
}
