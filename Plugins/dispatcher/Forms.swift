import Destinations
import PluginKit

// Invariants: as Commands.swift.

/// The commands of the management interface, as its text protocols have them.
func declareForms(_ host: Host) {
    host.form("ds_set_state", of: APUS_RPC_MI_TEXT) { command in
        guard command.pointee.count >= 3 else { return command.fail(400, "missing parameters") }
        guard !command.text(0).isEmpty else { return command.fail(500, "bad state value") }
        guard let wanted = Condition(letters: command.text(0).bytes) else {
            return command.fail(500, "unknown state value")
        }
        guard !command.text(1).isEmpty else { return command.fail(500, "group not found") }
        guard command.text(1).trimmed.number != nil else { return command.fail(500, "bad group value") }
        guard !command.text(2).isEmpty else { return command.fail(500, "address not found") }
        guard let set = command.set(1), set.apply(wanted, command.text(2), command.host, { $0.uri }) > 0 else {
            return command.fail(404, "destination not found")
        }
        return .true
    }
    // A dot ends a request by datagram.
    host.form("ds_reload", of: APUS_RPC_MI_TEXT) { command in
        guard command.pointee.count == 0 || (command.pointee.count == 1 && command.text(0).equals(".")) else {
            return command.fail(400, "too many arguments")
        }
        return Reloading.begin(command) { .form($0) }
    }
    host.form("ds_list", of: APUS_RPC_MI_TEXT) { command in
        guard let snapshot = state.snapshot, snapshot.pointee.setCount > 0 else {
            return command.fail(500, "no destination sets")
        }
        command.add(text: "200 OK")
        command.add(text: "SET_NO:: \(snapshot.pointee.setCount)")
        for number in 0..<snapshot.pointee.setCount {
            let set = snapshot.pointee.sets + number
            command.add(text: "SET:: \(set.pointee.id)")
            for index in 0..<set.pointee.count {
                let one = set[index].pointee
                command.add(
                    text: "\tURI:: \(one.uri.string) flags=\(one.cell.condition.letters) priority=\(one.priority) "
                        + "attrs=\(one.attributes.string)")
            }
        }
        return .true
    }
}
