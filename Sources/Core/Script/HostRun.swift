import Glibc

/// A host or address as it stands in the text: tokens that touch, put together, before it is known what they are.
struct HostRun {
    /// Why the text is no host; the offset is that of the offending byte.
    struct Failure: Error {
        let message: String
        let offset: Int
        var hint: String?
    }

    private(set) var bytes: [UInt8] = []
    /// (first byte, range of the token it came from)
    private var places: [(start: Int, range: SourceRange)] = []
    /// One quoted string and nothing else.
    private(set) var isQuoted = false

    mutating func append(_ text: [UInt8], _ range: SourceRange, quoted: Bool = false) {
        isQuoted = places.isEmpty && quoted
        places.append((bytes.count, range))
        bytes.append(contentsOf: text)
    }

    var isEmpty: Bool { places.isEmpty }
    var text: String { String(decoding: bytes, as: UTF8.self) }
    var range: SourceRange { places[0].range.through(places[places.count - 1].range) }

    /// The token that holds a byte.
    func place(_ offset: Int) -> SourceRange {
        (places.last { $0.start <= offset } ?? places[0]).range
    }

    // MARK: Reading it

    /// `[proto:]host[:port]`. With `ranges`, the port may be `5060-5070`.
    func pattern(ranges: Bool = false) throws(Failure) -> (
        transport: Syntax.Transport?, host: Syntax.Host, ports: ClosedRange<Int>?
    ) {
        var start = 0
        var transport: Syntax.Transport?
        if let colon = bytes.firstIndex(of: UInt8(ascii: ":")), bytes.first != UInt8(ascii: "[") {
            let word = String(decoding: bytes[..<colon], as: UTF8.self)
            if let known = Syntax.Transport(rawValue: word.lowercased()) {
                transport = known
                start = colon + 1
            } else if word == "*" {
                start = colon + 1
            } else if ["sip", "sips", "tel"].contains(word.lowercased()) {
                throw Failure(message: "expected a host, not a URI", offset: 0, hint: "leave `\(word):` away")
            }
        }
        guard start < bytes.count else { throw Failure(message: "expected a host", offset: max(0, start - 1)) }
        let (host, end) = try host(from: start)
        guard end < bytes.count else { return (transport, host, nil) }
        let ports = try ports(from: end + 1, ranges: ranges)
        return (transport, host, ports)
    }

    /// The host at an offset, and where it ends: at the `:` of the port, or at the end.
    private func host(from start: Int) throws(Failure) -> (Syntax.Host, Int) {
        if bytes[start] == UInt8(ascii: "[") {
            guard let close = bytes[start...].firstIndex(of: UInt8(ascii: "]")) else {
                throw Failure(message: "unclosed `[`", offset: start)
            }
            let inner = String(decoding: bytes[(start + 1)..<close], as: UTF8.self)
            guard HostRun.isIPv6(inner) else { throw Failure(message: "`\(inner)` is no IPv6 address", offset: start) }
            if close + 1 < bytes.count, bytes[close + 1] != UInt8(ascii: ":") {
                throw Failure(message: "expected `:` and a port", offset: close + 1)
            }
            return (Syntax.Host(form: .ipv6, text: inner, range: range), close + 1)
        }
        let colons = bytes[start...].filter { $0 == UInt8(ascii: ":") }.count
        var end = bytes.count
        if colons == 1, let colon = bytes[start...].firstIndex(of: UInt8(ascii: ":")) { end = colon }
        let text = String(decoding: bytes[start..<end], as: UTF8.self)
        return (try host(text, at: start), end)
    }

    /// A whole text as a host, without a port.
    func host(_ text: String, at start: Int) throws(Failure) -> Syntax.Host {
        if text == "*" { return Syntax.Host(form: .any, text: text, range: range) }
        if text.contains(":") {
            guard HostRun.isIPv6(text) else { throw Failure(message: "`\(text)` is no IPv6 address", offset: start) }
            return Syntax.Host(form: .ipv6, text: text, range: range)
        }
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        if labels.count == 4, labels.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(Syntax.isDigit) }) {
            var offset = start
            for label in labels {
                guard let octet = Int(label), octet <= 255 else {
                    throw Failure(message: "`\(label)` is no octet of an IPv4 address: 0 to 255", offset: offset)
                }
                offset += label.utf8.count + 1
            }
            return Syntax.Host(form: .ipv4, text: labels.map { String(Int($0)!) }.joined(separator: "."), range: range)
        }
        if labels.count > 1, labels.allSatisfy({ $0.utf8.allSatisfy(Syntax.isDigit) }) {
            throw Failure(
                message: "`\(text)` is no IPv4 address", offset: start, hint: "an IPv4 address has four numbers")
        }
        let valid = text.utf8.allSatisfy { Syntax.isWordByte($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }
        guard valid, !text.isEmpty, !text.hasPrefix(".") else {
            throw Failure(message: text.isEmpty ? "expected a host" : "`\(text)` is no host", offset: start)
        }
        return Syntax.Host(form: .name, text: text, range: range)
    }

    /// An octet that begins with 0: read as decimal, which is worth a remark.
    var hasLeadingZero: Bool {
        let parts = text.split { $0 == "." || $0 == ":" || $0 == "/" }
        return text.utf8.filter { $0 == UInt8(ascii: ".") }.count == 3
            && parts.contains { $0.utf8.count > 1 && $0.hasPrefix("0") && $0.utf8.allSatisfy(Syntax.isDigit) }
    }

    /// `address`, `address/length`, `address/mask`, or a name: the right side of `src_ip ==`.
    func net() throws(Failure) -> Syntax.Host {
        guard let slash = bytes.firstIndex(of: UInt8(ascii: "/")) else {
            var text = self.text
            if text.hasPrefix("["), text.hasSuffix("]") { text = String(text.dropFirst().dropLast()) }
            return try host(text, at: 0)
        }
        var address = String(decoding: bytes[..<slash], as: UTF8.self)
        if address.hasPrefix("["), address.hasSuffix("]") { address = String(address.dropFirst().dropLast()) }
        let base = try host(address, at: 0)
        let mask = String(decoding: bytes[(slash + 1)...], as: UTF8.self)
        let width = base.form == .ipv6 ? 128 : 32
        guard base.form == .ipv4 || base.form == .ipv6 else {
            throw Failure(message: "`\(address)` is no address of a net", offset: 0)
        }
        if let length = Int(mask) {
            guard (0...width).contains(length) else {
                throw Failure(message: "prefix length \(length) is too large: 0 to \(width)", offset: slash + 1)
            }
        } else {
            let family = HostRun.isIPv6(mask) ? Syntax.Host.Form.ipv6 : HostRun.isIPv4(mask) ? .ipv4 : nil
            guard let family else { throw Failure(message: "`\(mask)` is no mask", offset: slash + 1) }
            guard family == base.form else {
                throw Failure(message: "address and mask are of different families", offset: slash + 1)
            }
        }
        return Syntax.Host(form: .net, text: "\(base.text)/\(mask)", range: range)
    }

    private func ports(from start: Int, ranges: Bool) throws(Failure) -> ClosedRange<Int>? {
        let text = String(decoding: bytes[min(start, bytes.count)...], as: UTF8.self)
        if text == "*" { return nil }
        if ranges, let dash = text.firstIndex(of: "-") {
            let low = try port(String(text[..<dash]), start)
            let high = try port(String(text[text.index(after: dash)...]), start)
            guard low <= high else { throw Failure(message: "port range \(text) runs backwards", offset: start) }
            return low...high
        }
        let port = try port(text, start)
        return port...port
    }

    private func port(_ text: String, _ offset: Int) throws(Failure) -> Int {
        guard let port = Int(text), text.utf8.allSatisfy(Syntax.isDigit) else {
            throw Failure(message: "`\(text)` is no port", offset: min(offset, bytes.count - 1))
        }
        guard (1...65535).contains(port) else {
            throw Failure(message: "port \(text) is out of range: 1 to 65535", offset: offset)
        }
        return port
    }

    static func isIPv6(_ text: String) -> Bool {
        var address = in6_addr()
        return inet_pton(AF_INET6, text, &address) == 1
    }

    static func isIPv4(_ text: String) -> Bool {
        var address = in_addr()
        return inet_pton(AF_INET, text, &address) == 1
    }
}
