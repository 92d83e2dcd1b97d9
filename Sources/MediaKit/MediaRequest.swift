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
    func begin(_ call: Call) -> CInt {
        guard let media = call.host.media, let (wishes, command) = read(call) else { return .false }
        var description = apus_str()
        if command.hasDescription {
            guard let found = call.description else {
                call.host.bump(state.pointee.counters.withoutDescription)
                call.log(.info, "there is no session description")
                return .false
            }
            description = found
        }
        guard let party = party(call, wishes, command), let set = chosenSet(call, media, party) else { return .false }
        guard let text = write(call, media, wishes, command, description, party) else {
            return call.fail("the command is too long")
        }
        call.count(command)
        if command == .delete { return end(call, media, party, set, text) }
        return wait(call, media, command, party, set, text)
    }

    private func read(_ call: Call) -> (Wishes, MediaCommand)? {
        do throws(FlagFault) {
            let wishes = try Wishes(flags, state.pointee.dialect)
            return (wishes, wishes.forcesAnswer && command == .offer ? .answer : command)
        } catch {
            _ = call.fail("the flags are wrong: ", error.text)
            return nil
        }
    }

    // MARK: Whose session

    private func party(_ call: Call, _ wishes: Wishes, _ command: MediaCommand) -> Party? {
        let message = call.message
        let callID = wishes.callID.isEmpty ? message.field(APUS_FIELD_CALL_ID) : wishes.callID
        var from = message.field(APUS_FIELD_FROM_TAG)
        var to = message.field(APUS_FIELD_TO_TAG)
        // Whoever made the offer comes first, in the answer too.
        let isSwapped = message.isRequest ? command == .answer : command == .offer
        if isSwapped { (from, to) = (to, from) }
        if !wishes.fromTag.isEmpty { from = wishes.fromTag }
        if !wishes.toTag.isEmpty { to = wishes.toTag }
        // Without a To tag all of the call ends.
        if command == .delete, !wishes.includesToTag { to = apus_str() }
        guard !callID.isEmpty, !from.isEmpty, !to.isEmpty || !(command == .answer || isSwapped) else {
            _ = call.fail("the message has no Call-ID, or lacks a tag")
            return nil
        }
        guard let branch = branch(call, wishes) else { return nil }
        return Party(callID: callID, fromTag: from, toTag: to, branch: branch)
    }

    /// Empty: the session is the call's. Nil when there is none, though it is asked for.
    private func branch(_ call: Call, _ wishes: Wishes) -> apus_str? {
        if !self.branch.isEmpty { return self.branch }
        guard let kind = wishes.viaBranch else { return "" }
        let message = call.message
        var place = 0
        switch kind {
        case .first: break
        case .second: place = 1
        case .auto: place = message.isRequest ? 0 : 1
        case .extra(let orAuto):
            if let text = call.extraID, !text.isEmpty { return text }
            guard orAuto else {
                _ = call.fail("extra_id_pv has no value")
                return nil
            }
            place = message.isRequest ? 0 : 1
        }
        guard let via = message.via(place), !via.branch.isEmpty else {
            _ = call.fail("there is no Via with a branch to make a session of its own")
            return nil
        }
        return via.branch
    }

    /// What the script has chosen, else what was chosen for the call before, else the set of those who choose nothing.
    private func chosenSet(_ call: Call, _ media: UnsafeMutablePointer<WorkerState>, _ party: Party) -> Int64? {
        let slot = call.host.pointee.slots.pointee.message(call.pointee.msg, state.pointee.setSlot)
        var set = Int64(Int(bitPattern: slot)) - 1
        if set < 0, let variable = state.pointee.setVariable {
            var value = apus_value()
            if call.host.pointee.vars.pointee.get(call, variable, &value) > 0 {
                set = value.isInt ? value.num : value.str.trimmed.number ?? -1
            }
        }
        if set < 0 {
            let record = media.pointee.calls.find(party.callID, party.branch) ?? media.pointee.calls.first(party.callID)
            set = record?.pointee.set ?? state.pointee.settings.defaultSet
        }
        guard state.sets?.pointee[set] != nil else {
            call.host.bump(state.pointee.counters.silent)
            _ = call.fail("there is no such set of proxies")
            return nil
        }
        return set
    }

    // MARK: The command

    /// The command as it is sent, but for its cookie. Nil when it does not fit.
    private func write(
        _ call: Call, _ media: UnsafeMutablePointer<WorkerState>, _ wishes: Wishes, _ command: MediaCommand,
        _ description: apus_str, _ party: Party
    ) -> apus_str? {
        var writer = BencodeWriter(media.pointee.output)
        writer.beginDictionary()
        writer.text("command")
        writer.text(command.name)
        if command.hasDescription { writer.add("sdp", description) }
        writer.add("call-id", party.callID)
        writer.add("from-tag", party.fromTag)
        if !party.toTag.isEmpty { writer.add("to-tag", party.toTag) }
        if !party.branch.isEmpty { writer.add("via-branch", party.branch) }
        if !address.isEmpty { writer.add("media address", address) }
        wishes.write(&writer)
        writer.text("received-from")
        writer.beginList()
        let source = wishes.receivedFrom.isEmpty ? call.message.field(APUS_FIELD_SOURCE_IP) : wishes.receivedFrom
        let bare = source.hasPrefix("[") ? source[1..<source.len - 1] : source
        writer.copy(bare.index(of: UInt8(ascii: ":")) == nil ? "IP4" : "IP6")
        writer.copy(bare)
        writer.end()
        if command.hasDescription {
            // It may say that it is full, and another one is asked.
            writer.text("supports")
            writer.beginList()
            writer.text("load limit")
            writer.end()
        }
        writer.end()
        return writer.overflowed ? nil : writer.bytes.text
    }

    private func wait(
        _ call: Call, _ media: UnsafeMutablePointer<WorkerState>, _ command: MediaCommand, _ party: Party, _ set: Int64,
        _ text: apus_str
    ) -> CInt {
        guard
            let memory = call.host.pointee.script.pointee.allocate(call, MemoryLayout<Waiting>.stride),
            let exchange = ExchangeRef.make(
                call.host, .script, set: set, callID: party.callID, branch: party.branch, command: text)
        else { return call.fail("memory is out") }
        let waiting = memory.bindMemory(to: Waiting.self, capacity: 1)
        waiting.initialize(
            to: Waiting(
                command: command, set: set, callID: party.callID, branch: party.branch, isQuestion: isQuestion))
        let token = call.host.pointee.suspend.pointee.begin(call, 0, resume, waiting)
        guard token.value != 0 else {
            call.host.pointee.memory.pointee.release(call.host, exchange)
            return call.fail("too many scripts wait, or none can wait here")
        }
        exchange.pointee.token = token.value
        // Without a proxy the wait is over at once.
        _ = media.begin(exchange)
        return .suspended
    }

    // MARK: The end of a session

    /// Every proxy that has a session of the call, or of the branch, is told; the script goes on.
    private func end(
        _ call: Call, _ media: UnsafeMutablePointer<WorkerState>, _ party: Party, _ set: Int64, _ text: apus_str
    ) -> CInt {
        var told = PeerMask()
        var isTold = false
        var record = media.pointee.calls.first(party.callID)
        while let this = record {
            record = media.pointee.calls.next(this)
            guard party.branch.isEmpty || this.pointee.branch.equals(party.branch) else { continue }
            let number = Int(this.pointee.peer)
            guard !told.contains(number) else { continue }
            told.insert(number)
            let peer = state.pointee.shared.pointee.peers[number]
            if let sequence = tell(call, media, party, set, text, peer) {
                isTold = true
                media.note(deletion: sequence, of: party, on: Int32(number))
            }
        }
        if told.isEmpty { isTold = tell(call, media, party, set, text, nil) != nil }
        return isTold ? .true : .false
    }

    private func tell(
        _ call: Call, _ media: UnsafeMutablePointer<WorkerState>, _ party: Party, _ set: Int64, _ text: apus_str,
        _ peer: PeerRef?
    ) -> UInt64? {
        guard media.pointee.count < WorkerState.maximumPending,
            let exchange = ExchangeRef.make(
                call.host, .deletion, set: set, callID: party.callID, branch: party.branch, command: text)
        else {
            call.host.bump(state.pointee.counters.lostDeletions)
            return nil
        }
        guard let peer else { return media.begin(exchange) }
        return media.send(exchange, to: peer)
    }
}

extension UnsafeMutablePointer<WorkerState> {
    /// The sessions of a call on a proxy are being ended.
    fileprivate func note(deletion: UInt64, of party: MediaRequest.Party, on peer: Int32) {
        // It may have failed at once.
        let deletion = pointee.find(deletion) == nil ? 0 : deletion
        var record = pointee.calls.first(party.callID)
        while let this = record {
            record = pointee.calls.next(this)
            guard this.pointee.peer == peer, party.branch.isEmpty || this.pointee.branch.equals(party.branch) else {
                continue
            }
            pointee.calls.end(this, deletion: deletion, now: host.now)
        }
    }
}

extension BencodeWriter {
    fileprivate mutating func add(_ key: StaticString, _ text: apus_str) {
        self.text(key)
        copy(text)
    }
}

extension UnsafePointer<apus_call> {
    /// The value of extra_id_pv as a text.
    fileprivate var extraID: apus_str? {
        guard let variable = state.pointee.extraID else { return nil }
        var value = apus_value()
        guard host.pointee.vars.pointee.get(self, variable, &value) > 0 else { return nil }
        if value.isText { return value.str }
        guard value.isInt, var writer = writer(24) else { return nil }
        writer.add(number: value.num)
        return writer.text
    }

    /// The session description to be shown: what edits have made of the message's, or that of read_sdp_pv.
    fileprivate var description: apus_str? {
        if let variable = state.pointee.readVariable {
            var value = apus_value()
            guard host.pointee.vars.pointee.get(self, variable, &value) > 0, value.isText, !value.str.isEmpty else {
                return nil
            }
            return value.str
        }
        let message = message
        if message.api.pointee.is_body_edited(message.handle) > 0 {
            _ = message.api.pointee.apply_edits(message.handle)
        }
        guard let sdp = message.sdp, !sdp.isEmpty else { return nil }
        return sdp
    }

    fileprivate func count(_ command: MediaCommand) {
        let counters = state.pointee.counters
        switch command {
        case .offer: host.bump(counters.offers)
        case .answer: host.bump(counters.answers)
        case .delete: host.bump(counters.deletions)
        default: host.bump(counters.others)
        }
    }

    /// An error in the log, put together without memory of its own, and the function's answer: false.
    func fail(_ what: apus_str, _ why: StaticString) -> CInt {
        fail(what, apus_str(start: why.utf8Start, count: why.utf8CodeUnitCount))
    }

    func fail(_ what: apus_str, _ why: apus_str) -> CInt {
        log(.error, what, why)
        return .false
    }

    func log(_ level: LogLevel, _ what: apus_str, _ why: apus_str) {
        withUnsafeTemporaryAllocation(byteCount: 512, alignment: 1) { memory in
            var writer = Writer(memory.baseAddress.unsafelyUnwrapped, capacity: memory.count)
            writer.add(what)
            writer.add(why.len > 400 ? why[0..<400] : why)
            log(level, writer.text)
        }
    }
}
