import Bencode
import PluginKit
import RoutingKit

// Invariants: texts are of the message, of arguments or of the run's memory: all of them outlive the wait. The command is put together in the worker's
// memory and copied into the exchange before anything else is.

/// What a function of a script wants of a proxy.
struct MediaRequest {
    var command: MediaCommand
    let flags: apus_str
    /// The address that goes into the session description; empty: the proxy's.
    var address = apus_str()
    /// What makes the session of a branch its own, as the function was given it; empty: as flags say.
    var branch = apus_str()
    /// Who gets the answer as JSON.
    var report: JSONReport?
    /// It is a variable that asks.
    var isQuestion = false

    init(_ command: MediaCommand, flags: apus_str) {
        self.command = command
        self.flags = flags
    }

    /// Whose session it is, as the message and the flags say.
    struct Party {
        let callID: apus_str
        let fromTag: apus_str
        let toTag: apus_str
        let branch: apus_str
    }

    /// Asks the proxy; the script waits. The answer is a function's.
    @_noLocks func begin(_ call: Call) -> CInt {
        guard let media = call.host.media, let (wishes, command) = read(call) else { return .false }
        var description = apus_str()
        if command.showsDescription {
            guard let found = call.description(command) else {
                call.host.count(state.pointee.counters.withoutDescription)
                unchecked { call.log(.info, "there is no session description") }
                return .false
            }
            description = found
        }
        // An answer comes from the other end.
        guard let party = party(call, wishes, command),
            let chain = chosenSets(call, media, party, isReversed: command == .answer)
        else { return .false }
        if command == .delete { return end(call, media, wishes, party, chain) }
        return ask(call, media, wishes, command, party, chain, description)
    }

    /// What the proxy of one set has made of the description is shown to that of the next one.
    @_noLocks func goOn(_ call: Call, _ chain: SetChain, _ description: apus_str) -> CInt {
        guard let media = call.host.media, let (wishes, command) = read(call), let party = party(call, wishes, command)
        else { return .false }
        return ask(call, media, wishes, command, party, chain, description)
    }

    private func ask(
        _ call: Call, _ media: UnsafeMutablePointer<WorkerState>, _ wishes: Wishes, _ command: MediaCommand,
        _ party: Party, _ chain: SetChain, _ description: apus_str
    ) -> CInt {
        guard let text = write(call, media, wishes, command, description, party) else {
            return call.refuse("the command is too long")
        }
        call.count(command)
        return wait(call, media, command, party, chain, text)
    }

    private func read(_ call: Call) -> (Wishes, MediaCommand)? {
        do throws(FlagFault) {
            let wishes = try Wishes(flags, state.pointee.dialect)
            return (wishes, wishes.forcesAnswer && command == .offer ? .answer : command)
        } catch {
            _ = call.refuse("the flags are wrong: ", error.text)
            return nil
        }
    }

    private func wait(
        _ call: Call, _ media: UnsafeMutablePointer<WorkerState>, _ command: MediaCommand, _ party: Party,
        _ chain: SetChain, _ text: apus_str
    ) -> CInt {
        guard
            let memory = call.allocate(MemoryLayout<Waiting>.stride),
            let exchange = ExchangeRef.make(
                call.host, .script, set: chain.set, callID: party.callID, branch: party.branch, command: text)
        else { return call.refuse("memory is out") }
        exchange.pointee.place = chain.place
        let waiting = memory.bindMemory(to: Waiting.self, capacity: 1)
        waiting.initialize(
            to: Waiting(
                request: self, command: command, chain: chain, callID: party.callID, branch: party.branch))
        let token = unchecked { call.host.pointee.suspend.pointee.begin(call, 0, resume, waiting) }
        guard token.value != 0 else {
            call.host.release(exchange)
            return call.refuse("too many scripts wait, or none can wait here")
        }
        exchange.pointee.token = token.value
        // Without a proxy the wait is over at once.
        _ = media.begin(exchange)
        return .suspended
    }
}

extension UnsafePointer<apus_call> {
    /// The session description to be shown: what edits have made of the message's, or that of read_sdp_pv; of ICE candidates that follow one (RFC 8840)
    /// the body.
    fileprivate func description(_ command: MediaCommand) -> apus_str? {
        let message = message
        if command == .info, message.isICEFragment {
            let body = unchecked { message.part(APUS_PART_BODY) }
            return body.isEmpty ? nil : body
        }
        if let variable = state.pointee.readVariable {
            guard let value = read(variable), value.isText, !value.str.isEmpty else { return nil }
            return value.str
        }
        message.applyEdits()
        guard let sdp = message.description, !sdp.isEmpty else { return nil }
        return sdp
    }

    fileprivate func count(_ command: MediaCommand) {
        let counters = state.pointee.counters
        switch command {
        case .offer: host.count(counters.offers)
        case .answer: host.count(counters.answers)
        case .delete: host.count(counters.deletions)
        default: host.count(counters.others)
        }
    }
}
