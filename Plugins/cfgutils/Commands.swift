import PluginKit
import Synchronization

/// `cfgutils.…`
func declareCommands(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    declareFlagCommands(host, state)
    declareChanceCommands(host, state)
    host.command(
        "cfgutils.get_config_hash", aliases: "get_config_hash", flags: APUS_RPC_READS, reply: "string",
        doc: "The MD5 of hash_file as the server started.", user: state
    ) { command in
        guard !command.state.pointee.startHash.isEmpty else { return command.fail(500, "hash_file is not set") }
        command.add(text: command.state.pointee.startHash)
        return .true
    }
    host.command(
        "cfgutils.check_config_hash", aliases: "check_config_hash", flags: APUS_RPC_READS, reply: "string",
        doc: "Whether hash_file is still as it was when the server started.", user: state
    ) { command in
        guard !command.state.pointee.startHash.isEmpty else { return command.fail(500, "hash_file is not set") }
        guard let now = command.state.pointee.currentHash else {
            return command.fail(500, "hash_file cannot be read")
        }
        command.add(nil, now == command.state.pointee.startHash ? "Identical hash" : "Different hash")
        return .true
    }
}

private func declareFlagCommands(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    host.command(
        "cfgutils.set_gflag", aliases: "set_gflag", arguments: "mask:int", reply: "none",
        doc: "Sets the global flags whose bits are in the mask.", user: state
    ) { command in
        command.change { command.state.pointee.numbers.pointee.flags.bitwiseOr($0, ordering: .relaxed) }
    }
    host.command(
        "cfgutils.reset_gflag", aliases: "reset_gflag", arguments: "mask:int", reply: "none",
        doc: "Clears the global flags whose bits are in the mask.", user: state
    ) { command in
        command.change { command.state.pointee.numbers.pointee.flags.bitwiseAnd(~$0, ordering: .relaxed) }
    }
    host.command(
        "cfgutils.is_gflag", aliases: "is_gflag", arguments: "mask:int", flags: APUS_RPC_READS, reply: "string",
        doc: "TRUE when all global flags of the mask are set, else FALSE.", user: state
    ) { command in
        command.change {
            command.add(
                nil, command.state.pointee.numbers.pointee.flags.load(ordering: .relaxed) & $0 == $0 ? "TRUE" : "FALSE")
        }
    }
    host.command(
        "cfgutils.get_gflags", aliases: "get_gflags", flags: APUS_RPC_READS, reply: "string",
        doc: "The global flags, in hexadecimal and decimal.", user: state
    ) { command in
        let flags = command.state.pointee.numbers.pointee.flags.load(ordering: .relaxed)
        command.add(text: "0x\(String(flags, radix: 16)) (\(flags))")
        return .true
    }
}

private func declareChanceCommands(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    host.command(
        "cfgutils.rand_set_prob", aliases: "rand_set_prob", arguments: "percent:int", reply: "none",
        doc: "Sets the probability of rand_event.", user: state
    ) { command in
        guard 0...100 ~= command.number(0) else { return command.fail(500, "Invalid Percent") }
        command.state.pointee.numbers.pointee.probability.store(command.number(0), ordering: .relaxed)
        return .true
    }
    host.command(
        "cfgutils.rand_reset_prob", aliases: "rand_reset_prob", reply: "none",
        doc: "Sets the probability of rand_event back to initial_probability.", user: state
    ) { command in
        let state = command.state
        state.pointee.numbers.pointee.probability.store(state.pointee.initialProbability, ordering: .relaxed)
        return .true
    }
    host.command(
        "cfgutils.rand_get_prob", aliases: "rand_get_prob", flags: APUS_RPC_READS, reply: "string",
        doc: "The probability of rand_event.", user: state
    ) { command in
        command.add(
            text:
                "actual probability: \(command.state.pointee.numbers.pointee.probability.load(ordering: .relaxed)) percent"
        )
        return .true
    }
}

extension UnsafePointer<apus_command> {
    fileprivate var state: UnsafeMutablePointer<State> {
        pointee.user.unsafelyUnwrapped.assumingMemoryBound(to: State.self)
    }

    /// Does something with the flags that the argument means; their answer is complete then.
    fileprivate func change(_ body: (UInt32) -> Void) -> CInt {
        guard let mask = UInt32(exactly: number(0)) else { return fail(500, "Invalid Parameters") }
        body(mask)
        return .true
    }
}
