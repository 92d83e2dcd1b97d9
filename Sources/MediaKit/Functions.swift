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

private let run: @convention(c) (Call) -> CInt = { call in
    guard let command = call.command else { return manage(call) { call.request($0) } }
    if command == .answer, call.message.isRequest {
        // The answer to an offer that came in a 200; in a PRACK to one in a provisional reply.
        let isPRACK = call.message.method == APUS_METHOD_PRACK && state.pointee.dialect == .words
        guard call.message.method == APUS_METHOD_ACK || isPRACK else {
            return call.fail("of requests only an ACK has an answer")
        }
    }
    return call.request(command).begin(call)
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
        if wishes.viaBranch == .extra(orAuto: false), state.pointee.settings.extraID.isEmpty {
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

    /// The function that chooses a set.
    public func mediaSet(_ name: StaticString) {
        function(
            name, "set:value", routes: anywhere,
            doc: "Chooses the set of proxies for what follows; the set must be there.", user: nil,
            prepare: { _, _, constant, _, complaint in
                guard let set = constant.number, setNumbers ~= set else {
                    return complaint.say("a set is a number")
                }
                return .true
            }, call: chooseSet)
    }
}

private let setNumbers: ClosedRange<Int64> = 0...Int64(Int32.max)

/// `set_rtp_proxy_set(set)`: for this message, and what becomes of it.
private let chooseSet: @convention(c) (Call) -> CInt = { call in
    let argument = call.argument(0)
    let isNumber = argument.value & UInt32(APUS_INT) != 0
    guard let set = isNumber ? argument.num : argument.str.trimmed.number, setNumbers ~= set else {
        return call.fail("the set is a number")
    }
    guard state.sets?.pointee[set] != nil else { return call.fail("there is no such set of proxies") }
    call.host.pointee.slots.pointee.set_message(
        call.pointee.msg, state.pointee.setSlot, UnsafeMutableRawPointer(bitPattern: Int(set) + 1))
    return .true
}
