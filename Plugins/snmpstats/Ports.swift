import PluginKit

/// Addresses and ports that the server listens on. Made in `start`.
struct Ports {
    struct Port {
        let address: apus_address
        let transport: UInt32

        /// Octets of the IP address: 4 or 16.
        var octets: [UInt8] {
            withUnsafeBytes(of: address.ip) { Array($0.prefix(address.family == 4 ? 4 : 16)) }
        }

        var isWildcard: Bool { octets.allSatisfy { $0 == 0 } }
        /// Datagrams are no stream.
        var isStream: Bool { transport != UInt32(APUS_UDP) }
    }

    let all: [Port]

    /// [start]
    init(_ host: Host) {
        let net = host.pointee.net
        var all: [Port] = []
        for index in 0..<net.pointee.count(host) {
            guard let listener = net.pointee.at(host, index),
                let info = apus_listener_info.filled({ net.pointee.info(listener, $0) }),
                info.flags & UInt32(APUS_LISTENER_VIRTUAL) == 0
            else { continue }
            var address = apus_address()
            guard net.pointee.parse_address(info.address, &address) > 0 else { continue }
            address.port = info.port
            all.append(Port(address: address, transport: info.transport))
        }
        self.all = all
    }
}

/// `…SIPPortTable`: one row for an address and port, with the transports that listen there.
final class PortTable: ListedTable {
    let entry: Path = [3, 1, 1, 1, 1, 5, 1]
    let columns: [UInt32] = [4]
    let rows: [(index: Path, row: UInt8)]

    init(_ ports: Ports) {
        var transports: [Path: UInt8] = [:]
        for port in ports.all {
            let octets = port.octets.map(UInt32.init)
            // InetAddressType, InetAddress with its length, InetPortNumber
            let index = [port.address.family == 4 ? 1 : 2, UInt32(octets.count)] + octets + [UInt32(port.address.port)]
            transports[index, default: 0] |= PortTable.bit(of: port.transport)
        }
        rows = transports.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    func value(_ column: UInt32, of row: UInt8) -> Value? { .octets([row]) }

    /// …SIPTransportProtocol: other(0), udp(1), tcp(2), sctp(3), tls(4), sctptls(5), ws(6), wss(7)
    private static func bit(of transport: UInt32) -> UInt8 {
        switch Int(transport) {
        case APUS_UDP: 0x40
        case APUS_TCP: 0x20
        case APUS_SCTP: 0x10
        case APUS_TLS: 0x08
        case APUS_WS: 0x02
        case APUS_WSS: 0x01
        default: 0x80
        }
    }
}
