import BinRPC
import Glibc
import JSON

/// A table of contacts in the server's memory, by the commands of usrloc.
struct Contacts {
    private let session: Session
    /// `location`, or `aliases`.
    let table: String

    init(_ session: Session, table: String) {
        self.session = session
        self.table = table
    }

    /// One, as a Contact header would have it.
    struct Contact: Equatable {
        let uri: String
        let q: String
        let expires: Int64

        var text: String { "<\(uri)>\(q.isEmpty ? "" : ";q=\(q)");expires=\(expires)" }

        /// - Parameter now: seconds since 1970.
        init?(_ value: RPCValue, now: Int64) {
            guard let uri = value["Address"]?.plain else { return nil }
            self.uri = uri
            let q = value["Q"].flatMap { Double($0.plain) } ?? -1
            self.q = q < 0 ? "" : Contact.twoDigits(q)
            if let left = value["Expires"]?.number {
                expires = left
            } else if value["Expires"]?.plain == "permanent" {
                // One for ever counts down from 2^30, as it always did in this list.
                expires = (1 << 30) - 1 - now + (value["Last-Modified"]?.number ?? now)
            } else {
                expires = 0
            }
        }

        private static func twoDigits(_ q: Double) -> String {
            let hundredths = Int((q * 100).rounded())
            return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
        }
    }

    /// The server knows a user by name, or by name and domain; it leaves the domain out when it has none.
    func address(_ user: String) -> String {
        if user.contains("@") { return user }
        return session.settings["SIP_DOMAIN"].map { "\(user)@\($0)" } ?? user
    }

    // MARK: - What there is

    func show(_ user: String) throws(Failure) {
        if let fifo = session.fifo {
            return session.show(lines: try session.lines(fifo, "ul_show_contact", [table, user]))
        }
        let values: [RPCValue]
        do { values = try session.call("ul.lookup", [.text(table), .text(address(user))], of: "usrloc") } catch {
            guard case .refused(404, let text) = error, !text.hasPrefix("Table") else { throw error }
            throw .refused(code: 404, text: "Username \(user) in table \(table) not found")
        }
        if session.json { return Output.json(values.json) }
        let now = Int64(time(nil))
        for value in values.flatMap({ $0.all(named: "Contact") }) {
            if let contact = Contact(value, now: now) { Output.line(contact.text.printable) }
        }
    }

    /// All of them, or only whose they are.
    func dump(isBrief: Bool) throws(Failure) {
        session.show(try session.call("ul.dump", isBrief ? [.text("brief")] : [], of: "usrloc", usually: 60))
    }

    /// The addresses of record that have a contact, each once, in order.
    func online() throws(Failure) {
        let values = try session.call("ul.dump", [.text("brief")], of: "usrloc", usually: 60)
        let names = Set(values.flatMap { $0.all(named: "AoR") }.map(\.plain)).sorted()
        if session.json { return Output.json(.array(names.map { .string($0) })) }
        for name in names { Output.line(name.printable) }
    }

    // MARK: - Changes

    /// - Parameter expires: seconds; 0: for ever.
    func add(_ user: String, _ uri: String, expires: Int64, path: String?) throws(Failure) {
        try SIPAddress.check(uri)
        // Permanent ones have a flag of their own, as serctl gave them.
        let flags: Int64 = expires == 0 ? 128 : 0
        if let fifo = session.fifo {
            Output.line(uri)
            let arguments = [table, user, uri, String(expires), "1.00", "0", String(flags)]
            return session.show(lines: try session.lines(fifo, "ul_add", arguments))
        }
        _ = try session.call(
            "ul.add",
            [
                .text(table), .text(address(user)), .text(uri), .int(expires), .text("1.00"), .text(path ?? "0"),
                .int(flags), .int(0),
                .int(Int64(Int32.max)),
            ], of: "usrloc")
        session.tell([uri, "200 Added to table", "('\(user)','\(uri)') to '\(table)'"])
    }

    func remove(_ user: String, contact: String?) throws(Failure) {
        if let fifo = session.fifo {
            let command = contact == nil ? "ul_rm" : "ul_rm_contact"
            return session.show(lines: try session.lines(fifo, command, [table, user] + (contact.map { [$0] } ?? [])))
        }
        let name = RPCValue.text(address(user))
        if let contact {
            _ = try session.call("ul.rm_contact", [.text(table), name, .text(contact)], of: "usrloc")
            session.tell(["200 contact (\(table), \(user), \(contact)) deleted"])
        } else {
            _ = try session.call("ul.rm", [.text(table), name], of: "usrloc")
            session.tell(["200 user (\(table), \(user)) deleted"])
        }
    }
}
