import PluginKit

// Invariants: on the management thread.

func declareCommands(_ host: Host) {
    host.command(
        "dlgs.stats", flags: APUS_RPC_READS, reply: "{final:{*:int}, active:{*:int}}",
        doc: "How many calls there are in each state, and in which state calls have gone."
    ) { command in
        command.map {
            for (key, gone) in [("final", true), ("active", false)] as [(StaticString, Bool)] {
                command.map(key) {
                    for one in DialogState.allCases {
                        command.add(one.name, Int64(state.pointee.dialogs.total(one, gone: gone)))
                    }
                }
            }
        }
        return .true
    }
    host.command("dlgs.list", flags: APUS_RPC_READS, reply: "any", doc: "The calls that are followed.") {
        list($0) { add($0, $1, $2) }
    }
    host.command("dlgs.briefing", flags: APUS_RPC_READS, reply: "any", doc: "The same in fewer words.") {
        list($0) { command, number, dialog in
            command.map { addBrief(command, number, dialog) }
            return true
        }
    }
    let arguments: StaticString = "field:word(src|dst|data|any), op:word(eq|ne|re|sw|fm), data:string"
    host.command(
        "dlgs.get", arguments: arguments, flags: APUS_RPC_READS, reply: "any", doc: "The first call that fits."
    ) { command in
        search(command) { filter in
            for stripe in 0..<state.pointee.dialogs.stripeCount {
                var isFound = false
                state.pointee.dialogs.each(in: stripe) { dialog in
                    isFound = filter.fits(dialog)
                    if isFound { add(command, 1, dialog) }
                    return !isFound
                }
                if isFound { return .true }
            }
            return command.fail(404, "there is no such call")
        }
    }
    host.command(
        "dlgs.getall", arguments: arguments, flags: APUS_RPC_READS, reply: "any", doc: "The calls that fit."
    ) { command in
        search(command) { filter in
            list(command) { command, number, dialog in
                guard filter.fits(dialog) else { return false }
                add(command, number, dialog)
                return true
            }
        }
    }
    host.command(
        "dlgs.count", arguments: arguments, flags: APUS_RPC_READS, reply: "{count:int}",
        doc: "How many calls that are not over fit."
    ) { command in
        search(command) { filter in
            command.map { command.add("count", Int64(state.pointee.dialogs.count(filter.fits))) }
            return .true
        }
    }
}

private func search(_ command: Command, _ body: (Filter) -> CInt) -> CInt {
    var text = command.text(2).string + "\0"
    return text.withUTF8 { bytes in
        do throws(Filter.Mistake) {
            let filter = try Filter(
                command.host, command.text(0), command.text(1),
                apus_str(start: bytes.baseAddress, count: bytes.count - 1)
            ) { make($0, command.host) }
            defer { filter.end() }
            return body(filter)
        } catch {
            return command.fail(400, error.text)
        }
    }
}

private func make(_ pattern: apus_str, _ host: Host) -> OpaquePointer? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
        var complaint = apus_complaint(
            size: UInt32(MemoryLayout<apus_complaint>.size), offset: 0, text: buffer.baseAddress.unsafelyUnwrapped,
            capacity: buffer.count, len: 0)
        return host.pointee.regex.pointee.make(host, pattern, 0, &complaint)
    }
}

/// Values of an answer's part: a few hundred.
private let rowsAtATime = 200

/// All calls, some stripes at a time.
/// - Parameter add: whether the call was added.
private func list(_ command: Command, _ add: (Command, _ number: Int, DialogRef) -> Bool) -> CInt {
    let dialogs = state.pointee.dialogs
    var (stripe, number) = (Int(command.pointee.place[0]), Int(command.pointee.place[1]))
    if stripe == 0 { command.rpc.pointee.open_array(command.pointee.answer, nil) }
    let before = number
    while stripe < dialogs.stripeCount, number - before < rowsAtATime {
        dialogs.each(in: stripe) { dialog in
            if add(command, number + 1, dialog) { number += 1 }
            return true
        }
        stripe += 1
    }
    (command.pointee.place[0], command.pointee.place[1]) = (UInt64(stripe), UInt64(number))
    if stripe < dialogs.stripeCount { return CInt(APUS_RPC_MORE) }
    command.rpc.pointee.close(command.pointee.answer)
    return .true
}

private func addBrief(_ command: Command, _ number: Int, _ dialog: DialogRef) {
    command.add("count", Int64(number))
    command.add("src", dialog.pointee.source)
    command.add("dst", dialog.pointee.destination)
    command.add("data", dialog.pointee.data)
}

@discardableResult
private func add(_ command: Command, _ number: Int, _ dialog: DialogRef) -> Bool {
    command.map {
        addBrief(command, number, dialog)
        command.add("ruid", dialog.pointee.identifier)
        command.add("callid", dialog.pointee.callID)
        command.add("ftag", dialog.pointee.fromTag)
        command.add("ttag", dialog.pointee.toTag)
        command.add("ts_init", dialog.pointee.beginning)
        command.add("ts_answer", dialog.pointee.answer)
        command.add("state", Int64(dialog.pointee.state.rawValue))
    }
    return true
}
