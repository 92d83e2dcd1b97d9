import PluginKit

// Invariants: plain numbers.

/// The sets whose proxies a command goes to, one after the other: a call's media may run through two proxies, the caller's and the called side's.
struct SetChain {
    /// The one that is asked now.
    var set: Int64
    /// Its place as the script has chosen it: 0 or 1.
    var place: UInt8 = 0
    /// The one that is asked then; -1: none.
    var further: Int64 = -1

    /// The rest of it; nil at its end.
    var next: SetChain? {
        further < 0 ? nil : SetChain(set: further, place: 1 - place)
    }

    static func isNumber(_ set: Int64) -> Bool { set >= 0 && set <= Int64(Int32.max) }

    /// As it is kept in a message's slot.
    static func pack(_ first: Int64, _ second: Int64?) -> UnsafeMutableRawPointer? {
        UnsafeMutableRawPointer(bitPattern: Int(first + 1) | Int((second ?? -1) + 1) << 32)
    }

    /// Negative: none.
    static func unpack(_ slot: UnsafeMutableRawPointer?) -> (first: Int64, second: Int64) {
        let bits = UInt64(UInt(bitPattern: slot))
        return (Int64(bits & 0xffff_ffff) - 1, Int64(bits >> 32) - 1)
    }
}

extension MediaRequest {
    /// What the script has chosen, else what was chosen for the call before, else the set of those who choose nothing.
    @_noLocks func chosenSets(
        _ call: Call, _ media: UnsafeMutablePointer<WorkerState>, _ party: Party, isReversed: Bool
    ) -> SetChain? {
        let slot = unchecked { call.host.pointee.slots.pointee.message(call.pointee.msg, state.pointee.setSlot) }
        var (first, second) = SetChain.unpack(slot)
        if first < 0, let variable = state.pointee.setVariable, let value = call.read(variable) {
            first = value.isInt ? value.num : unchecked { value.str.trimmed.number } ?? -1
        }
        if first < 0 {
            let record =
                media.pointee.calls.find(party.callID, party.branch)
                ?? media.pointee.calls.first(party.callID, place: 0)
            first = record?.pointee.set ?? state.pointee.settings.defaultSet
            let further =
                media.pointee.calls.find(party.callID, party.branch, place: 1)
                ?? media.pointee.calls.first(party.callID, place: 1)
            second = further?.pointee.set ?? -1
        }
        guard has(first), second < 0 || has(second) else {
            call.host.count(state.pointee.counters.withoutSet)
            call.host.count(state.pointee.counters.silent)
            _ = call.refuse("there is no such set of proxies")
            return nil
        }
        guard second >= 0 else { return SetChain(set: first) }
        return isReversed
            ? SetChain(set: second, place: 1, further: first) : SetChain(set: first, place: 0, further: second)
    }

    private func has(_ set: Int64) -> Bool { state.sets?.pointee[set] != nil }
}
