import Glibc

/// Where the module `ctl` listens: `unixs:/path` (or `unix:`, or just a path) or `tcp:host:port`.
enum ControlAddress: Equatable, CustomStringConvertible {
    case unix(String)
    case tcp(host: String, port: String)

    init(_ text: String) throws(Failure) {
        if text.prefix(while: { $0 != ":" }).contains("/") {
            self = .unix(text)
            return
        }
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map { String($0) }
        let rest = parts.count == 2 ? parts[1] : ""
        switch parts[0] {
        case "unix" where !rest.isEmpty, "unixs" where !rest.isEmpty: self = .unix(rest)
        case "tcp":
            guard let colon = rest.lastIndex(of: ":"), rest.index(after: colon) != rest.endIndex,
                colon != rest.startIndex
            else { throw .usage("`\(text)`: tcp wants host:port") }
            var host = rest[..<colon]
            if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
            self = .tcp(host: String(host), port: String(rest[rest.index(after: colon)...]))
        case "unixd", "udp":
            throw .usage(
                "`\(text)`: datagrams are not spoken here; use unixs: or tcp:, to which the module ctl listens as well")
        default: throw .usage("`\(text)`: this is no control socket: a path, unixs:/path or tcp:host:port")
        }
    }

    var description: String {
        switch self {
        case .unix(let path): "unixs:" + path
        case .tcp(let host, let port): host.contains(":") ? "tcp:[\(host)]:\(port)" : "tcp:\(host):\(port)"
        }
    }

    /// Tried in this order when none is named: ours, that of a server of one's own, Kamailio's. Not SER's, which lay in /tmp, where
    /// everybody may put one: what is in /tmp lies in a folder that belongs to the user alone.
    /// - Parameter runFolder: `XDG_RUNTIME_DIR`
    static func usual(runFolder: String?) -> [ControlAddress] {
        [.unix("/run/apus/apus_ctl")] + ((runFolder ?? privateFolder).map { [.unix($0 + "/apus_ctl")] } ?? [])
            + [.unix("/run/kamailio/kamailio_ctl")]
    }

    /// Where a server of this user's has made its files if it had no `XDG_RUNTIME_DIR`.
    private static var privateFolder: String? {
        let path = "/tmp/apus-\(geteuid())"
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & (S_IFMT | 0o077) == S_IFDIR, status.st_uid == geteuid() else {
            return nil
        }
        return path
    }
}
