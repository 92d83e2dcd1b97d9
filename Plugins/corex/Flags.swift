import PluginKit

/// `setxflag`, `msg_iflag_set` and their kin.
func declareFlags(_ host: Host) {
    host.function(
        "setxflag", "flag:int", doc: "Sets one of the 64 extended flags of the message.", prepare: prepareXFlag
    ) { $0.changeXFlag { $0 | $1 } }
    host.function("resetxflag", "flag:int", doc: "Clears an extended flag.", prepare: prepareXFlag) {
        $0.changeXFlag { $0 & ~$1 }
    }
    host.function("isxflagset", "flag:int", doc: "Whether an extended flag is set.", prepare: prepareXFlag) { call in
        guard let bit = call.xflag else { return .false }
        return call.message.api.pointee.xflags(call.pointee.msg) & bit != 0 ? .true : .false
    }
    host.function(
        "msg_iflag_set", "flag:string", doc: "Sets an inner flag of the message.", prepare: prepareInnerFlag
    ) { $0.changeInnerFlag { $0 | $1 } }
    host.function(
        "msg_iflag_reset", "flag:string", doc: "Clears an inner flag of the message.", prepare: prepareInnerFlag
    ) { $0.changeInnerFlag { $0 & ~$1 } }
    host.function(
        "msg_iflag_is_set", "flag:string", doc: "Whether an inner flag of the message is set; -2 when it is not.",
        prepare: prepareInnerFlag
    ) { call in call.innerFlags & call.innerFlag != 0 ? .true : -2 }
    state.pointee.innerFlagSlot = host.slot(APUS_SLOT_MESSAGE)
}

private let prepareXFlag: Preparation = { _, _, constant, _, complaint in
    guard let number = constant.number, 0...63 ~= number else { return complaint.say("an extended flag is 0 to 63") }
    return .true
}

/// The names of inner flags, and the bits that they have always had.
private let innerFlagNames: [(name: StaticString, number: Int)] = [
    ("USE_UAC_FROM", 6), ("USE_UAC_TO", 7), ("UAC_AUTH", 12), ("MSG_APPLY_CHANGES", 27),
]

/// A name, or a number from 0 to 64, of which those that no part of this server knows change nothing but themselves.
private let prepareInnerFlag: Preparation = { host, _, constant, prepared, complaint in
    let named = innerFlagNames.first { constant.equals(apus_str(stringLiteral: $0.name)) }
    guard let number = named?.number ?? constant.number.map({ Int($0) }), 0...64 ~= number else {
        let names = innerFlagNames.map { "\($0.name)" }.joined(separator: ", ")
        return complaint.say("no inner flag is called so: \(names), or a number from 0 to 64")
    }
    if named == nil, !innerFlagNames.contains(where: { $0.number == number }) {
        host.log(.notice, "inner flag \(number) has no meaning here")
    }
    // 64 shares the place of none: it is the bit behind the last.
    prepared.pointee = UnsafeMutableRawPointer(bitPattern: number + 1)
    return .true
}

extension UnsafePointer<apus_call> {
    /// The first argument, an extended flag, as its bit; nil, with a line in the log, when it is none.
    fileprivate var xflag: UInt64? {
        guard 0...63 ~= int(0) else {
            log(.error, "an extended flag is 0 to 63")
            return nil
        }
        return 1 << UInt64(int(0))
    }

    fileprivate func changeXFlag(_ change: (UInt64, UInt64) -> UInt64) -> CInt {
        guard let bit = xflag else { return .false }
        let api = message.api
        api.pointee.set_xflags(pointee.msg, change(api.pointee.xflags(pointee.msg), bit))
        return .true
    }

    /// The constant, as its bit; 64 has none.
    fileprivate var innerFlag: UInt64 {
        let number = Int(bitPattern: argument(0).prepared) - 1
        return 0...63 ~= number ? 1 << UInt64(number) : 0
    }

    /// The message's, in a slot.
    fileprivate var innerFlags: UInt64 {
        UInt64(UInt(bitPattern: host.pointee.slots.pointee.message(pointee.msg, state.pointee.innerFlagSlot)))
    }

    fileprivate func changeInnerFlag(_ change: (UInt64, UInt64) -> UInt64) -> CInt {
        let flags = change(innerFlags, innerFlag)
        host.pointee.slots.pointee.set_message(
            pointee.msg, state.pointee.innerFlagSlot, UnsafeMutableRawPointer(bitPattern: UInt(flags)))
        return .true
    }
}
