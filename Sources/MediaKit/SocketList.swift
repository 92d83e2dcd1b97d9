import PluginKit

/// A value of `rtpproxy_sock` or `rtpengine_sock`: `[set ==] url[=weight] url[=weight] …`
struct SocketList: Equatable {
    struct Entry: Equatable {
        let url: String
        let weight: UInt32
    }

    let set: Int64
    let entries: [Entry]

    struct Fault: Error, Equatable {
        let text: String
    }

    init(_ text: String, defaultSet: Int64) throws(Fault) {
        var list = text[...]
        var set = defaultSet
        if let equals = text.firstRange(of: "==") {
            let number = text[..<equals.lowerBound].filter { !$0.isWhitespace }
            guard let given = Int64(number), given >= 0 else {
                throw Fault(text: "`\(number)` is no number of a set")
            }
            set = given
            list = text[equals.upperBound...]
        }
        var entries: [Entry] = []
        for word in list.split(whereSeparator: \.isWhitespace) {
            let entry = try SocketList.entry(String(word))
            entries.append(entry)
        }
        if entries.isEmpty, !text.allSatisfy(\.isWhitespace) { throw Fault(text: "set \(set) has no proxies") }
        self.set = set
        self.entries = entries
    }

    private static func entry(_ word: String) throws(Fault) -> Entry {
        guard let equals = word.lastIndex(of: "=") else { return Entry(url: word, weight: 1) }
        let (url, digits) = (String(word[..<equals]), word[word.index(after: equals)...])
        guard !url.isEmpty, let weight = UInt32(digits), weight <= maximumWeight else {
            throw Fault(text: "`\(word)`: a weight from 0 to \(maximumWeight) is wanted behind =")
        }
        return Entry(url: url, weight: weight)
    }

    /// So that sums do not overflow.
    private static let maximumWeight: UInt32 = 1_000_000
}

/// Where a proxy listens, out of its URL.
enum ControlAddress: Equatable {
    case udp(host: String, port: UInt16, isIPv6: Bool)
    /// A stream.
    case unix(path: String)

    /// `udp:host:port`, `udp6:host:port`, `unix:path`, or a path alone. IPv6 addresses may stand in brackets.
    init(url: String) throws(SocketList.Fault) {
        let isIPv6 = url.hasPrefix("udp6:")
        if isIPv6 || url.hasPrefix("udp:") {
            let rest = url.dropFirst(isIPv6 ? 5 : 4)
            guard let colon = rest.lastIndex(of: ":"), let port = UInt16(rest[rest.index(after: colon)...]), port > 0,
                colon > rest.startIndex
            else { throw SocketList.Fault(text: "`\(url)`: a host and a port are wanted, udp:host:port") }
            var host = String(rest[..<colon])
            if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
            self = .udp(host: host, port: port, isIPv6: isIPv6)
            return
        }
        let path = url.hasPrefix("unix:") ? String(url.dropFirst(5)) : url
        guard path.hasPrefix("/"), path.utf8.count < 108 else {
            throw SocketList.Fault(text: "`\(url)` is no proxy: udp:host:port, udp6:host:port or unix:/path is wanted")
        }
        self = .unix(path: path)
    }
}
