import PluginKit
import TableKit

// Invariants: built by one thread and never changed afterwards; its texts and expressions end with `end`.

/// The trusted peers of the table, as it was at one time.
struct TrustedList: Renewable {
    struct Peer {
        /// As TrustedTransport.number.
        let transport: Int32
        let expressions: Expressions
        /// Without text when there is none.
        let tag: apus_str
    }

    /// Nil: any URI.
    struct Expressions {
        let from: OpaquePointer?
        let requestURI: OpaquePointer?

        func end(_ host: Host) {
            host.pointee.regex.pointee.free(from)
            host.pointee.regex.pointee.free(requestURI)
        }
    }

    /// A row as it is shown to people.
    struct Row {
        let source: String
        let transport: String
        let from: String?
        let requestURI: String?
        let tag: String?
        let priority: Int64
    }

    private let host: Host
    private let sources: TextIndex
    /// Of source i the peers from first[i] up to first[i + 1].
    private let first: UnsafeMutablePointer<Int>
    private let peers: UnsafeMutablePointer<Peer>
    private let tags: TextIndex
    /// In the order of the peers; not for workers.
    let rows: [Row]

    static func read(_ host: Host) throws(ReadFault) -> TrustedList {
        guard case .cached(let table)? = state.pointee.trustedSource else {
            throw ReadFault("trusted peers are not kept: db_url and db_mode 1 do so")
        }
        var rows: [Row] = []
        var expressions: [Expressions] = []
        do throws(ReadFault) {
            try table.read(host) { (row) throws(ReadFault) in
                let read = Row(
                    source: host.canonical(row.text(5)), transport: row.text(0), from: row.pattern(1),
                    requestURI: row.pattern(2), tag: row.textIfAny(3), priority: row.number(4) ?? 0)
                do throws(ReadFault) {
                    guard !read.source.isEmpty else { throw ReadFault("there is no source") }
                    guard TrustedTransport.number(read.transport, host) != nil else {
                        throw ReadFault("`\(read.transport)` is no transport")
                    }
                    expressions.append(try Expressions(host, read))
                } catch {
                    throw ReadFault("table \(table.table.string), row \(row.number): \(error.text)")
                }
                rows.append(read)
            }
        } catch {
            for pair in expressions { pair.end(host) }
            throw error
        }
        return TrustedList(host, rows, expressions)
    }

    private init(_ host: Host, _ given: [Row], _ expressions: [Expressions]) {
        self.host = host
        sources = TextIndex(given.map(\.source))
        let sources = sources
        // By source; the highest priority first, and of equal ones the first row.
        let order = given.indices.map { (source: sources.find(sources.text($0)) ?? $0, row: $0) }.sorted {
            ($0.source, -given[$0.row].priority, $0.row) < ($1.source, -given[$1.row].priority, $1.row)
        }
        rows = order.map { given[$0.row] }
        tags = TextIndex(rows.map { $0.tag ?? "" })
        peers = .allocate(capacity: max(1, order.count))
        first = .allocate(capacity: given.count + 1)
        first.initialize(repeating: 0, count: given.count + 1)
        for (index, place) in order.enumerated() {
            let row = given[place.row]
            let transport = TrustedTransport.number(row.transport, host) ?? TrustedTransport.none
            (peers + index).initialize(
                to: Peer(
                    transport: transport, expressions: expressions[place.row],
                    tag: row.tag == nil ? apus_str() : tags.text(index)))
            first[place.source + 1] = index + 1
        }
        for source in 0..<given.count { first[source + 1] = max(first[source], first[source + 1]) }
    }

    func end() {
        for index in rows.indices { peers[index].expressions.end(host) }
        peers.deallocate()
        first.deallocate()
        sources.end()
        tags.end()
    }

    /// [any] The peers of a source, whose text is canonical: the highest priority first.
    func peers(of source: apus_str) -> UnsafeBufferPointer<Peer> {
        guard let place = sources.find(source) else { return UnsafeBufferPointer(start: nil, count: 0) }
        return UnsafeBufferPointer(start: peers + first[place], count: first[place + 1] - first[place])
    }
}

extension TrustedList.Expressions {
    init(_ host: Host, _ row: TrustedList.Row) throws(ReadFault) {
        func make(_ text: String?) throws(ReadFault) -> OpaquePointer? {
            guard let text else { return nil }
            return try host.expression(text, APUS_REGEX_CASE, by: host.pointee.regex.pointee.make)
        }
        from = try make(row.from)
        do throws(ReadFault) { requestURI = try make(row.requestURI) } catch {
            host.pointee.regex.pointee.free(from)
            throw error
        }
    }
}

/// What trusted peers speak.
enum TrustedTransport {
    static var any: Int32 { 0 }
    static var none: Int32 { -1 }

    /// `APUS_UDP` …, `any` or `none`; nil when it is no transport.
    static func number(_ name: apus_str, _ host: Host) -> Int32? {
        if name.equalsIgnoringCase("any") { return any }
        if name.equalsIgnoringCase("none") { return none }
        let number = host.pointee.net.pointee.transport(name)
        return number == 0 ? nil : Int32(number)
    }

    static func number(_ name: String, _ host: Host) -> Int32? {
        var name = name
        return name.withUTF8 { number(apus_str(start: $0.baseAddress, count: $0.count), host) }
    }
}

extension TableRow {
    /// An expression; nil when there is none.
    fileprivate func pattern(_ column: Int) -> String? { textIfAny(column).flatMap { $0.isEmpty ? nil : $0 } }
}

extension UnsafePointer<apus_host> {
    /// The text of an IP address in the one form, of anything else as it is.
    func canonical(_ source: String) -> String {
        guard let address = network(source) else { return source }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: addressTextCapacity) {
            text(of: address, in: $0).string
        }
    }
}
