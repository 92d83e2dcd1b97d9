import JSON

/// The tables of the module permissions: groups of addresses, and trusted peers.
struct Permissions {
    enum Kind {
        case addresses
        case trusted
    }

    private let session: Session
    private let kind: Kind

    init(_ session: Session, _ kind: Kind) { (self.session, self.kind) = (session, kind) }

    private var columns: [String] {
        switch kind {
        case .addresses: ["grp", "ip_addr", "mask", "port", "tag"]
        case .trusted: ["src_ip", "proto", "from_pattern", "ruri_pattern", "tag", "priority"]
        }
    }

    private var table: String {
        switch kind {
        case .addresses: SQLiteFile.quoted(session.settings["ADDRESS_TABLE"] ?? "address")
        case .trusted: SQLiteFile.quoted(session.settings["TRUSTED_TABLE"] ?? "trusted")
        }
    }

    /// What the database has.
    func show() throws(Failure) {
        let list = columns.joined(separator: ", ")
        let rows = try session.database().rows("SELECT \(list) FROM \(table) ORDER BY id").rows
        if session.json {
            let shown = rows.map { row in
                JSONValue.fields(zip(columns, row).compactMap { name, value in value.map { (name, .string($0)) } })
            }
            return Output.json(.array(shown))
        }
        for line in Columns.lines([columns] + rows.map { $0.map { $0 ?? "" } }) { Output.line(line.printable) }
    }

    /// What is in force.
    func dump() throws(Failure) {
        let commands =
            kind == .addresses
            ? ["permissions.addressDump", "permissions.subnetDump", "permissions.domainDump"]
            : ["permissions.trustedDump"]
        for command in commands { session.show(try session.call(command, of: "permissions")) }
    }

    func reload() throws(Failure) { session.show(try session.call(reloadCommand, of: "permissions")) }

    private var reloadCommand: String {
        kind == .addresses ? "permissions.addressReload" : "permissions.trustedReload"
    }

    /// - Parameter values: of the columns, the first of them; the others have their defaults.
    func add(_ values: [String]) throws(Failure) {
        try check(values)
        let names = columns.prefix(values.count)
        let places = names.map { _ in "?" }.joined(separator: ", ")
        _ = try session.database().rows(
            "INSERT INTO \(table) (\(names.joined(separator: ", "))) VALUES (\(places))", values)
        session.tellServer(reloadCommand, of: "permissions")
        try show()
    }

    /// - Parameter values: of the first columns; all rows that have them go.
    func remove(_ values: [String]) throws(Failure) {
        let condition = columns.prefix(values.count).map { "\($0) = ?" }.joined(separator: " AND ")
        let file = try session.database()
        try file.transaction { () throws(Failure) in
            guard try !file.rows("SELECT 1 FROM \(table) WHERE \(condition)", values).rows.isEmpty else {
                throw .refused("there is no such row")
            }
            _ = try file.rows("DELETE FROM \(table) WHERE \(condition)", values)
        }
        session.tellServer(reloadCommand, of: "permissions")
        try show()
    }

    /// A row that the server would not read keeps all others from being read, too.
    private func check(_ values: [String]) throws(Failure) {
        func number(_ place: Int, _ range: ClosedRange<Int>) throws(Failure) {
            guard place < values.count else { return }
            guard let number = Int(values[place]), range.contains(number) else {
                throw .usage("\(columns[place]) is \(range.lowerBound) to \(range.upperBound), not `\(values[place])`")
            }
        }
        switch kind {
        case .addresses:
            try number(0, 1...Int(Int32.max))
            try number(2, 0...(values[1].contains(":") ? 128 : 32))
            try number(3, 0...65535)
        case .trusted:
            let known = ["any", "udp", "tcp", "tls", "sctp", "ws", "wss", "none"]
            guard known.contains(values[1].lowercased()) else {
                throw .usage("`\(values[1])` is no transport: \(known.joined(separator: ", "))")
            }
            try number(5, Int(Int32.min)...Int(Int32.max))
        }
    }
}
