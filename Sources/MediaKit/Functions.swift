import PluginKit

// Invariants: as PluginKit's Call. What a function's `user` points to is made in `declare` and lives for ever.

/// What one function of a script does.
private struct Function {
    let command: MediaCommand?
    let second: SecondArgument
}

/// What the second argument of a function is.
public enum SecondArgument: Sendable {
    case none
    /// The address that goes into the session description.
    case address
    /// What makes the media session of a branch its own.
    case branch
}

extension UnsafePointer<apus_call> {
    private var function: Function {
        pointee.user.unsafelyUnwrapped.assumingMemoryBound(to: Function.self).pointee
    }

    /// What the script asks for by its arguments.
    fileprivate func request(_ command: MediaCommand) -> MediaRequest {
        var request = MediaRequest(command, flags: has(0) ? text(0) : "")
        switch function.second {
        case .none: break
        case .address: if has(1) { request.address = text(1) }
        case .branch: if has(1) { request.branch = text(1) }
        }
        return request
    }

    fileprivate var command: MediaCommand? { function.command }
}

private let run: @convention(c) (Call) -> CInt = { begin($0) }

@_noLocks private func begin(_ call: Call) -> CInt {
    guard let command = call.command else {
        guard let command = managed(call) else { return .false }
        return call.request(command).begin(call)
    }
    let message = call.message
    if command == .answer, unchecked({ message.isRequest }) {
        // The answer to an offer that came in a 200; in a PRACK to one in a provisional reply.
        let method = unchecked { message.method }
        let isPRACK = method == APUS_METHOD_PRACK && state.pointee.dialect == .words
        guard method == APUS_METHOD_ACK || isPRACK else {
            return call.refuse("of requests only an ACK has an answer")
        }
    }
    return call.request(command).begin(call)
}

private let query: @convention(c) (Call) -> CInt = { call in
    guard let variable = call.argument(1).variable, let report = JSONReport(call.text(0), variable) else {
        return call.refuse("the answer is wanted as j or jp")
    }
    var request = MediaRequest(.query, flags: "")
    request.report = report
    return request.begin(call)
}

/// A constant is looked at when the config is read.
private let check: Preparation = { host, index, constant, _, complaint in
    if index == 1 {
        var address = apus_address()
        guard host.pointee.net.pointee.parse_address(constant, &address) > 0 else {
            return complaint.say("an IP address is wanted")
        }
        return .true
    }
    return checkFlags(constant, complaint)
}

private let checkFlagsOnly: Preparation = { _, index, constant, _, complaint in
    index == 0 ? checkFlags(constant, complaint) : .true
}

private func checkFlags(_ flags: apus_str, _ complaint: UnsafeMutablePointer<apus_complaint>) -> CInt {
    do throws(FlagFault) {
        let wishes = try Wishes(flags, state.pointee.dialect)
        if wishes.viaBranch == .extra || wishes.viaBranch == .autoExtra, state.pointee.settings.extraID.isEmpty {
            return complaint.say("it takes the value of extra_id_pv, which is not set")
        }
        return .true
    } catch {
        return complaint.say("\(error.text)", at: error.offset)
    }
}

private func permanentFunction(_ command: MediaCommand?, _ second: SecondArgument) -> UnsafeMutableRawPointer {
    UnsafeMutableRawPointer(permanent(Function(command: command, second: second)))
}

private let anywhere = APUS_ANY_ROUTE & ~APUS_ONSEND_ROUTE

/// [declare] Functions of scripts, under the names that a module gives them.
extension UnsafePointer<apus_host> {
    /// A function that tells the proxy something and waits for its answer; without a command the message decides which.
    public func media(
        _ name: StaticString, _ command: MediaCommand?, _ second: SecondArgument = .none, deprecated: Bool = false,
        routes: Int? = nil, doc: StaticString
    ) {
        let arguments: StaticString
        switch second {
        case .none: arguments = "flags:format?"
        case .address: arguments = "flags:format?, address:format?"
        case .branch: arguments = "flags:format?, via_branch:format?"
        }
        function(
            name, arguments, routes: routes ?? anywhere, flags: APUS_MAY_SUSPEND | (deprecated ? APUS_DEPRECATED : 0),
            doc: doc, user: permanentFunction(command, second),
            prepare: second == .address ? check : checkFlagsOnly, call: run)
    }

    /// The function that asks about the call, and gives the answer to a variable.
    public func mediaReport(_ name: StaticString) {
        function(
            name, "format:format, variable:writable", routes: anywhere, flags: APUS_MAY_SUSPEND,
            doc: "Asks the proxy about the call: a variable gets the answer as JSON, short (j) or with line ends (jp).",
            user: nil,
            prepare: { _, index, constant, _, complaint in
                guard index > 0 || constant.equals("j") || constant.equals("jp") else {
                    return complaint.say("the answer is wanted as j or jp")
                }
                return .true
            }, call: query)
    }

    /// The function that chooses a set.
    /// - Parameter chains: it may be given a second one, whose proxy the media run through, too.
    public func mediaSet(_ name: StaticString, chains: Bool = false) {
        function(
            name, chains ? "set:value, second:value?" : "set:value", routes: anywhere,
            doc: "Chooses the set of proxies for what follows; the set must be there.", user: nil,
            prepare: { _, _, constant, _, complaint in
                guard let set = constant.number, SetChain.isNumber(set) else {
                    return complaint.say("a set is a number")
                }
                return .true
            }, call: chooseSet)
    }
}

/// `set_rtp_proxy_set(set)`: for this message, and what becomes of it.
private let chooseSet: @convention(c) (Call) -> CInt = { chooseSets($0) }

@_noLocks private func chooseSets(_ call: Call) -> CInt {
    guard let first = call.set(at: 0) else { return .false }
    var second: Int64?
    if call.has(1) {
        guard let set = call.set(at: 1) else { return .false }
        guard set != first else { return call.refuse("media run through two proxies of different sets") }
        second = set
    }
    unchecked {
        call.host.pointee.slots.pointee.set_message(
            call.pointee.msg, state.pointee.setSlot, SetChain.pack(first, second))
    }
    return .true
}

extension UnsafePointer<apus_call> {
    /// The set that an argument names; nil with a line in the log.
    fileprivate func set(at index: Int) -> Int64? {
        let argument = argument(index)
        let isNumber = argument.value & UInt32(APUS_INT) != 0
        guard let set = isNumber ? argument.num : unchecked({ argument.str.trimmed.number }), SetChain.isNumber(set)
        else {
            _ = refuse("the set is a number")
            return nil
        }
        guard state.sets?.pointee[set] != nil else {
            host.count(state.pointee.counters.withoutSet)
            _ = refuse("there is no such set of proxies")
            return nil
        }
        return set
    }
}
