import PluginKit
import TableKit

// Invariants: on the management thread. The domains in force stay until the function returns.

func declareCommands(_ host: Host) {
    host.command(
        "domain.reload", reply: "string",
        doc: "Reads the domains again; when that fails, those that were stay in force."
    ) { command in
        state.pointee.domains.renew(command, done: { $0.add(nil, "Ok. Domains successfully reloaded.") })
    }
    host.command(
        "domain.dump", flags: APUS_RPC_READS,
        reply: "{domains:[{domain:string, did:string}], attributes:[{did:string, attrs:[{*:any}]}]}",
        doc: "The domains in force, and their attributes.", call: dump)
    host.form("domain_reload", of: APUS_RPC_MI_TEXT) { command in
        state.pointee.domains.renew(
            command, done: { _ in }, failed: { $0.fail(400, "Domain table reload failed") })
    }
    host.form("domain_dump", of: APUS_RPC_MI_TEXT) { command in
        guard let domains = state.pointee.domains.current else { return command.fail(500, "there are no domains") }
        command.add(text: "200 OK")
        for index in 0..<domains.pointee.count {
            let number = "\(index)"
            let padding = String(repeating: " ", count: max(0, 4 - number.count))
            command.add(text: "\(padding)\(number) \(domains.pointee.name(index).string)")
        }
        return .true
    }
}

private let dump: @convention(c) (Command) -> CInt = { command in
    guard let domains = state.pointee.domains.current else { return command.fail(500, "there are no domains") }
    command.map {
        command.array("domains") {
            for index in 0..<domains.pointee.count {
                command.map {
                    command.add("domain", domains.pointee.name(index))
                    command.add("did", domains.pointee.identifier(index))
                }
            }
        }
        command.array("attributes") {
            for place in 0..<domains.pointee.identifierCount where !domains.pointee.attributes(at: place).isEmpty {
                command.map {
                    command.add("did", domains.pointee.identifier(at: place))
                    command.array("attrs") {
                        for attribute in domains.pointee.attributes(at: place) { addAttribute(command, attribute) }
                    }
                }
            }
        }
    }
    return .true
}

private func addAttribute(_ command: Command, _ attribute: Domains.Attribute) {
    command.map {
        if attribute.value.isInt {
            command.add(named: attribute.name.string, attribute.value.num)
        } else {
            command.add(named: attribute.name.string, text: attribute.value.str.string)
        }
    }
}
