import Locations
import PluginKit
import RoutingKit

// Invariants: as Commands.swift.

/// The commands as the older text protocols have them.
func declareForms(_ host: Host) {
    host.form("ul_add", of: APUS_RPC_SER_TEXT, "line line line line line line line", call: addAsSER)
    host.form("ul_rm", of: APUS_RPC_SER_TEXT, "line line") { command in
        complain(command, ["ul_rm: table name expected", "ul_rm: user name expected"])
            ?? remove(command, contact: nil, form: true)
    }
    host.form("ul_rm_contact", of: APUS_RPC_SER_TEXT, "line line line") { command in
        complain(
            command,
            [
                "ul_rm_contact: table name expected", "ul_rm_contact: user name expected",
                "ul_rm_contact: contact expected",
            ])
            ?? remove(command, contact: command.text(2), form: true)
    }
    host.form("ul_show_contact", of: APUS_RPC_SER_TEXT, "line line", call: showInLines)
    host.form("ul_show_contact", of: APUS_RPC_MI_TEXT, call: showAsTree)
    // table, address, contact, expires, q, a path of no use, flags, branch flags, methods
    host.form("ul_add", of: APUS_RPC_MI_TEXT) { command in
        guard command.pointee.count == 9 else { return command.fail(400, "Too few or too many arguments") }
        var given = Additions(expires: command.text(3).string, q: command.text(4).string)
        given.flags = command.text(6).string
        given.cflags = command.text(7).string
        given.methods = command.text(8).string
        if !command.text(5).equals("0") { given.path = command.text(5) }
        return addContact(command, given) { _ in }
    }
}

/// The first argument that is missing.
private func complain(_ command: Command, _ texts: [String]) -> CInt? {
    for (index, text) in texts.enumerated() where command.text(index).isEmpty {
        return command.fail(400, composed: text)
    }
    return nil
}

private let addAsSER: @convention(c) (Command) -> CInt = { command in
    let texts = ["table name", "aor name", "contact", "expires", "q"].map { "ul_add: \($0) expected" }
    if let answer = complain(command, texts) { return answer }
    var given = Additions(expires: command.text(3).string, q: command.text(4).string)
    if !command.text(5).isEmpty, Int64(command.text(5).string) == nil {
        return command.fail(400, "Invalid replicate format")
    }
    if !command.text(6).isEmpty { given.flags = command.text(6).string }
    let (table, aor, contact) = (command.text(0).string, command.text(1).string, command.text(2).string)
    return addContact(command, given) { command in
        command.add(text: "200 Added to table")
        command.add(text: "('\(aor)','\(contact)') to '\(table)'")
    }
}

/// Contacts of the address that the arguments name, or why there are none to be shown.
private func show(_ command: Command, _ body: @escaping (Command, UnsafeBufferPointer<usrloc_contact>) -> Void) -> CInt
{
    if let answer = complain(
        command, ["ul_show_contact: table name expected", "ul_show_contact: user name expected"])
    {
        return answer
    }
    return withContacts(of: command, form: true) { command, _, contacts in body(command, contacts) }
}

/// Thousandths with two digits, as they always were shown there.
private func twoDigits(_ q: Int32) -> String {
    let hundredths = max(0, q) / 10
    return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
}

private let showInLines: @convention(c) (Command) -> CInt = { command in
    show(command) { command, contacts in
        command.add(text: "200 OK")
        for one in contacts {
            // A contact that never expires counts down from 2^30.
            let left =
                one.expires == 0 ? 1_073_741_823 - (wallSeconds() - one.last_modified) : one.expires - wallSeconds()
            command.add(text: "<\(one.uri.string)>;q=\(twoDigits(one.q));expires=\(left)")
        }
    }
}

private let showAsTree: @convention(c) (Command) -> CInt = { command in
    show(command) { command, contacts in
        command.add(text: "200 OK")
        for one in contacts {
            let left = one.expires == 0 ? "permanent" : "\(one.expires - wallSeconds())"
            var line = "Contact:: <\(one.uri.string)>;q=\(one.q == APUS_NO_Q ? "" : twoDigits(one.q));expires=\(left)"
            line += ";flags=0x\(String(one.flags, radix: 16));cflags=0x\(String(one.cflags, radix: 16))"
            line += ";socket=<\(one.socket.string)>;methods=0x\(String(one.methods, radix: 16).uppercased())"
            if !one.received.isEmpty { line += ";received=<\(one.received.string)>" }
            line += ";user_agent=<\(one.user_agent.string)>"
            if !one.path.isEmpty { line += ";path=<\(one.path.string)>" }
            command.add(text: line)
        }
    }
}
