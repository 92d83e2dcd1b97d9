import Destinations
import Glibc
import PluginKit
import TableKit

// Invariants: opened in `start`, constant from then on. `read` runs on the main thread in `start`, later on offload threads, one at a time: it may block, and
// touches nothing that others change.

/// Where the destination sets come from.
enum Source {
    /// An absolute path.
    case file(String)
    case database(DatabaseSource)

    /// What was read: destinations that can be used, and what is to be told. `failure`: nothing can be used, and why.
    struct Contents: @unchecked Sendable {
        var destinations: [Prepared] = []
        var remarks: [(level: LogLevel, text: String)] = []
        var failure: String?
    }

    /// [start] As the parameters say; false with the reason in the log.
    static func open(_ host: Host) -> Bool {
        let settings = state.pointee.settings
        if !settings.databaseURL.isEmpty {
            guard let database = DatabaseSource(host, settings) else { return false }
            state.pointee.source = .database(database)
            return true
        }
        guard let path = path(host, settings.listFile.string) else { return false }
        state.pointee.source = .file(path)
        return true
    }

    private static func path(_ host: Host, _ named: String) -> String? {
        if !named.isEmpty { return absolute(named) }
        var places = ["/etc/kamailio/dispatcher.list", "/usr/local/etc/kamailio/dispatcher.list"]
        let config = host.pointee.config.pointee.file(host).string
        if let slash = config.lastIndex(of: "/") { places.insert(config[...slash] + "dispatcher.list", at: 0) }
        for place in places where access(place, R_OK) == 0 { return place }
        host.log(
            .error,
            "there are no destinations: neither db_url nor list_file is set, and none of these is there: "
                + places.joined(separator: ", "))
        return nil
    }

    /// The server may change its folder later.
    private static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/"), let folder = getcwd(nil, 0) else { return path }
        defer { free(folder) }
        return "\(String(cString: folder))/\(path)"
    }

    /// For people.
    var name: String {
        switch self {
        case .file(let path): path
        case .database(let database): database.name
        }
    }

    /// - Parameter looksUp: the names of the destinations are looked up, too, as far as the parameters want it.
    func read(_ host: Host, looksUp: Bool = true) -> Contents {
        var contents =
            switch self {
            case .file(let path): Source.read(path, host)
            case .database(let database): database.read(host)
            }
        if looksUp, contents.failure == nil, state.pointee.settings.dnsMode & 1 != 0 { contents.lookUp(host) }
        return contents
    }

    // MARK: - The file

    private static func read(_ path: String, _ host: Host) -> Contents {
        var contents = Contents()
        let bytes: [UInt8]
        do throws(ReadFault) { bytes = try readFile(path) } catch {
            contents.failure = error.text
            return contents
        }
        let list = ListFile.parse(bytes)
        func place(_ complaint: ListFile.Complaint) -> String {
            "\(path):\(complaint.line):\(complaint.column): \(complaint.text), in `\(complaint.source)`"
        }
        if let first = list.mistakes.first {
            contents.failure = place(first)
            contents.remarks = list.mistakes.dropFirst().map { (.error, place($0)) }
            return contents
        }
        contents.remarks = list.remarks.map { (.notice, place($0)) }
        var preparing = Preparing(host, contents)
        for line in list.lines { preparing.add(line.draft, "\(path):\(line.number)", line.source) }
        return preparing.contents
    }
}

/// Makes destinations of drafts, one after the other.
struct Preparing {
    private let host: Host
    private(set) var contents: Source.Contents
    private var duids: Set<String> = []

    init(_ host: Host, _ contents: Source.Contents) {
        self.host = host
        self.contents = contents
    }

    mutating func remark(_ text: String) { contents.remarks.append((.notice, text)) }

    /// - Parameters:
    ///   - place: where it stands, for people.
    ///   - source: what stands there.
    mutating func add(_ draft: Draft, _ place: String, _ source: String) {
        do throws(DraftFault) {
            contents.destinations.append(try host.prepare(draft))
        } catch {
            let text = "\(place): \(error.text), in `\(source)`"
            if state.pointee.settings.loadMode != 0, contents.failure == nil {
                contents.failure = text
            } else {
                contents.remarks.append((.error, "\(text): the destination is left out"))
            }
            return
        }
        let duid = draft.attributes.duid
        if !duid.isEmpty, !duids.insert("\(draft.set) \(duid)").inserted {
            contents.remarks.append(
                (
                    .warning,
                    "\(place): set \(draft.set) has another destination with duid `\(duid)`: the first one counts, in `\(source)`"
                ))
        }
    }
}

/// Why a draft is no destination.
struct DraftFault: Error {
    let text: String
}

/// Why there is no such socket.
struct SocketFault: Error {
    let text: String
}

extension UnsafePointer<apus_host> {
    /// What the server makes of a draft.
    func prepare(_ draft: Draft) throws(DraftFault) -> Prepared {
        var text = draft.uri
        let bytes = Array(text.utf8)
        // Parts point into this copy.
        let parsed = bytes.withUnsafeBufferPointer { bytes -> (UInt32, String, UInt32, String)? in
            let uri = apus_uri.filled {
                pointee.message.pointee.parse_uri(apus_str(start: bytes.baseAddress, count: bytes.count), $0)
            }
            return uri.map { ($0.scheme, $0.host.string, $0.port_number, $0.transport.string) }
        }
        guard let (scheme, name, port, transportName) = parsed, scheme == 1 || scheme == 2, !name.isEmpty else {
            throw DraftFault(text: "`\(text)` is no SIP URI")
        }
        var made = Prepared(draft, host: name, port: port == 0 ? (scheme == 2 ? 5061 : 5060) : UInt16(clamping: port))
        text = transportName
        if !text.isEmpty {
            made.transport = text.withUTF8 {
                pointee.net.pointee.transport(apus_str(start: $0.baseAddress, count: $0.count))
            }
            guard made.transport != 0 else { throw DraftFault(text: "there is no transport `\(transportName)`") }
        } else if scheme == 2 {
            made.transport = UInt32(APUS_TLS)
        }
        var host = name
        host.withUTF8 {
            _ = pointee.net.pointee.parse_address(apus_str(start: $0.baseAddress, count: $0.count), &made.address)
        }
        let own = draft.attributes
        do throws(SocketFault) {
            made.listener = try listener(own.socket, named: own.socketName)
            made.pingListener = try listener(own.pingSocket, named: "")
        } catch {
            throw DraftFault(text: error.text)
        }
        return made
    }

    private func listener(_ socket: String, named name: String) throws(SocketFault) -> OpaquePointer? {
        var (socket, name) = (socket, name)
        var answer: Result<OpaquePointer?, SocketFault> = .success(nil)
        socket.withUTF8 { socket in
            name.withUTF8 { name in
                do throws(SocketFault) {
                    answer = .success(
                        try listener(
                            apus_str(start: socket.baseAddress, count: socket.count),
                            named: apus_str(start: name.baseAddress, count: name.count)))
                } catch {
                    answer = .failure(error)
                }
            }
        }
        return try answer.get()
    }

    /// The socket of that text, or that name, which wins; nil when both are empty.
    func listener(_ socket: apus_str, named name: apus_str) throws(SocketFault) -> OpaquePointer? {
        if !name.isEmpty {
            if let found = pointee.net.pointee.find_named(self, name) { return found }
            throw SocketFault(text: "no socket is named `\(name.string)`")
        }
        if socket.isEmpty { return nil }
        if let found = listener(socket) { return found }
        throw SocketFault(text: "the server has no socket `\(socket.string)`")
    }
}
