import Destinations
import PluginKit
import Synchronization

// Invariants: run on the management thread, which alone replaces the sets: the snapshot in force stays while a command runs.

/// `dispatcher.…`
func declareCommands(_ host: Host) {
    host.command(
        "dispatcher.set_state", aliases: "ds_set_state", arguments: "state:string?, set:string?, address:string?",
        reply: "string", doc: "Sets the state (a, i, t, d, with p) of a destination, or of all of a set."
    ) { setState($0) { $0.uri } }
    host.command(
        "dispatcher.set_duid_state", arguments: "state:string?, set:string?, duid:string?", reply: "string",
        doc: "The same of the destination with that duid."
    ) { setState($0) { $0.duid } }
    host.command(
        "dispatcher.list", aliases: "ds_list", arguments: "mode:string?", flags: APUS_RPC_READS, reply: "any",
        doc: "The destination sets; short or full.", call: list)
    host.command(
        "dispatcher.reload", aliases: "ds_reload", arguments: "mode:string?", reply: "any",
        doc: "Reads the destination sets again; dry: says what would change.", call: reload)
    host.command(
        "dispatcher.ping_active", arguments: "active:int?", reply: "{*:int}",
        doc: "Whether probes are sent; 0 stops them, 1 lets them go on."
    ) { command in
        let place = state.pointee.shared
        guard command.has(0) else {
            command.map { command.add("OldPingState", place.pointee.pingActive.load(ordering: .relaxed)) }
            return .true
        }
        guard 0...1 ~= command.number(0) else { return command.fail(500, "Invalid Parameters") }
        let old = place.pointee.pingActive.exchange(command.number(0), ordering: .relaxed)
        command.map {
            command.add("NewPingState", command.number(0))
            command.add("OldPingState", old)
        }
        return .true
    }
    host.command(
        "dispatcher.add", arguments: "set:string?, address:string?, flags:string?, priority:string?, attrs:string?",
        reply: "string", doc: "Adds a destination until the next reload.", call: add)
    host.command(
        "dispatcher.remove", arguments: "set:string?, address:string?", reply: "string",
        doc: "Removes a destination until the next reload.", call: remove)
    host.command(
        "dispatcher.hash", arguments: "slots:int, first:string, second:string?", flags: APUS_RPC_READS,
        reply: "{*:int}",
        doc: "The hash of one or two texts, and the slot of so many that it means."
    ) { command in
        let hash = command.host.pointee.message.pointee.hash(command.text(1), command.text(2))
        let slots = command.number(0)
        guard slots >= 0 else { return command.fail(500, "Invalid Parameters") }
        command.map {
            command.add("hashid", Int64(Int32(bitPattern: hash)))
            command.add("slot", slots > 0 ? Int64(hash) % slots : 0)
        }
        return .true
    }
    host.command(
        "dispatcher.oclist", arguments: "set:string?", flags: APUS_RPC_READS, reply: "any",
        doc: "What the destinations of a set have said of their overload.", call: overloadList)
}

extension Command {
    /// The set that an argument names; nil when there is none.
    func set(_ index: Int) -> SetRef? {
        guard has(index), let id = text(index).trimmed.number else { return nil }
        return state.snapshot?.find(id)
    }

    /// In the words of the module's peers.
    fileprivate func done(_ what: apus_str) -> CInt {
        add(nil, what)
        return .true
    }
}

/// `dispatcher.set_state`, `dispatcher.set_duid_state`
/// - Parameter name: what the third argument is compared with.
private func setState(_ command: Command, _ name: (Destination) -> apus_str) -> CInt {
    guard command.has(0), command.has(1), command.has(2), command.text(1).trimmed.number != nil else {
        return command.fail(500, "Invalid Parameters")
    }
    guard let wanted = Condition(letters: command.text(0).bytes) else {
        return command.fail(500, "Unknown State Value")
    }
    guard let set = command.set(1), set.apply(wanted, command.text(2), command.host, name) > 0 else {
        return command.fail(500, "State Update Failed")
    }
    return command.done("Ok. Dispatcher state updated.")
}

extension UnsafeMutablePointer<DestinationSet> {
    /// - Parameter text: `all`, or what `name` of destinations is.
    /// - Returns: how many were meant.
    func apply(_ wanted: Condition, _ text: apus_str, _ host: Host, _ name: (Destination) -> apus_str) -> Int {
        var count = 0
        for index in 0..<pointee.count where text.equals("all") || name(self[index].pointee).equals(text) {
            self[index].apply(wanted, .command, host, self)
            count += 1
        }
        return count
    }
}

/// `dispatcher.reload [dry]`
private let reload: @convention(c) (Command) -> CInt = { command in
    let isDry = command.text(0).equals("dry")
    guard !command.has(0) || isDry else { return command.fail(500, "Invalid Parameters") }
    return Reloading.begin(command) { .command($0, isDry: isDry) }
}

/// `dispatcher.add`
private let add: @convention(c) (Command) -> CInt = { command in
    guard let id = command.text(0).trimmed.number.flatMap({ Int32(exactly: $0) }), id >= 0, command.has(1),
        !command.has(2) || command.text(2).number != nil, !command.has(3) || command.text(3).number != nil
    else { return command.fail(500, "Invalid Parameters") }
    let draft = Draft(
        set: id, uri: ListFile.withScheme(command.text(1).string),
        flags: Condition(rawValue: UInt32(truncatingIfNeeded: command.text(2).number ?? 0)).intersection(.all),
        priority: Int32(clamping: command.text(3).number ?? 0), attributes: Attributes(command.text(4).string))
    guard let sets = Sets.shared, let reloading = Reloading.shared, reloading.admit() else {
        return command.fail(500, "Ongoing reload")
    }
    do throws(DraftFault) {
        sets.put(sets.current + [try command.host.prepare(draft)])
    } catch {
        return command.fail(500, composed: "Adding dispatcher dst failed: \(error.text)")
    }
    for remark in draft.attributes.remarks { command.host.log(.notice, "dispatcher.add \(draft.uri): \(remark)") }
    return command.done("Ok. Dispatcher destination added.")
}

/// `dispatcher.remove`
private let remove: @convention(c) (Command) -> CInt = { command in
    guard let id = command.text(0).trimmed.number, command.has(1) else {
        return command.fail(500, "Invalid Parameters")
    }
    let uri = ListFile.withScheme(command.text(1).string)
    guard let sets = Sets.shared, let reloading = Reloading.shared, reloading.admit() else {
        return command.fail(500, "Ongoing reload")
    }
    let rest = sets.current.filter { Int64($0.draft.set) != id || $0.draft.uri != uri }
    guard rest.count < sets.current.count else {
        return command.fail(500, "Removing dispatcher dst failed: there is no such destination")
    }
    sets.put(rest)
    return command.done("Ok. Dispatcher destination removed.")
}

/// `dispatcher.oclist`
private let overloadList: @convention(c) (Command) -> CInt = { command in
    guard command.has(0), command.text(0).trimmed.number != nil else { return command.fail(500, "Invalid Parameters") }
    guard let set = command.set(0) else { return command.fail(404, "No such group") }
    command.array {
        for index in 0..<set.pointee.count {
            let one = set[index]
            command.map {
                command.add("uri", one.pointee.uri)
                addOverload(command, one)
            }
        }
    }
    return .true
}

/// What a destination has said of its overload.
func addOverload(_ command: Command, _ one: UnsafeMutablePointer<Destination>) {
    let cell = one.pointee.cell
    let reported = cell.pointee.overload.lastReport
    command.add("OCRATE", Int64(cell.pointee.overload.rate))
    command.add("OCIDX", Int64(cell.pointee.overload.lastPlace % 100))
    command.add("OCSEQ", Int64(clamping: cell.pointee.overload.lastSequence))
    command.add("OCTIME_SEC", Int64(reported / 1000))
    command.add("OCTIME_USEC", Int64(reported % 1000) * 1000)
}
