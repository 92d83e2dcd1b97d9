import PluginKit

/// Bytes that wait in the receive queues of the sockets that the server listens on, and of connections that were accepted there: proc(5) knows.
struct QueueDepth {
    private struct Place: Hashable {
        /// As the kernel writes it.
        let address: String
        let port: UInt16
    }

    private let files: [(path: String, places: Set<Place>, isStream: Bool)]
    private let wildcards: Set<UInt16>

    init(_ ports: Ports) {
        func places(_ family: UInt16, streams: Bool) -> Set<Place> {
            Set(
                ports.all.filter { $0.address.family == family && $0.isStream == streams }
                    .map { Place(address: QueueDepth.written($0.octets), port: $0.address.port) })
        }
        files = [
            ("/proc/net/udp", places(4, streams: false), false), ("/proc/net/udp6", places(6, streams: false), false),
            ("/proc/net/tcp", places(4, streams: true), true), ("/proc/net/tcp6", places(6, streams: true), true),
        ]
        wildcards = Set(ports.all.filter { $0.isStream && $0.isWildcard }.map(\.address.port))
    }

    /// Now.
    var bytes: Int64 {
        var sum: Int64 = 0
        for file in files where !file.places.isEmpty || (file.isStream && !wildcards.isEmpty) {
            for line in File.read(file.path).split(separator: UInt8(ascii: "\n")).dropFirst() {
                sum += waiting(line, file.places, isStream: file.isStream)
            }
        }
        return sum
    }

    /// "sl: ADDRESS:PORT ADDRESS:PORT STATE TX:RX ...", in hexadecimal.
    private func waiting(_ line: ArraySlice<UInt8>, _ places: Set<Place>, isStream: Bool) -> Int64 {
        let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 5)
        guard fields.count > 4 else { return 0 }
        let local = fields[1].split(separator: UInt8(ascii: ":"))
        let queues = fields[4].split(separator: UInt8(ascii: ":"))
        guard local.count == 2, queues.count == 2, let port = UInt16(hexadecimal: local[1]) else { return 0 }
        // What a listening socket has is no bytes, but connections to be accepted.
        if isStream, fields[3].elementsEqual("0A".utf8) { return 0 }
        let place = Place(address: String(decoding: local[0], as: UTF8.self), port: port)
        guard places.contains(place) || (isStream && wildcards.contains(port)) else { return 0 }
        return UInt32(hexadecimal: queues[1]).map(Int64.init) ?? 0
    }

    /// Words of the address in the machine's order.
    private static func written(_ octets: [UInt8]) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var text: [UInt8] = []
        for word in stride(from: 0, to: octets.count, by: 4) {
            for octet in octets[word..<word + 4].reversed() {
                text += [digits[Int(octet >> 4)], digits[Int(octet & 15)]]
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}

extension FixedWidthInteger {
    fileprivate init?(hexadecimal digits: ArraySlice<UInt8>) {
        self.init(String(decoding: digits, as: UTF8.self), radix: 16)
    }
}
